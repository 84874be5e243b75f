//! Properties of the reader of files; `PROPTEST_CASES` sets the number of cases.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use crate::import::csv_table::CsvTable;
use crate::import::workbook::fixtures::workbook;
use crate::registry::fixtures::BOOK;

const STRINGS: &str = "<sst uniqueCount=\"1\"><si><t>title</t></si></sst>";

/// Reads a file with every value of its rows.
fn read(bytes: &[u8]) {
    if let Ok(table) = CsvTable::read(&BOOK, bytes) {
        for row in &table.rows {
            let _ = (
                table.id(row),
                table.values(row, None),
                table.values(row, Some(&BOOK.defaults())),
            );
        }
    }
}

/// Text of pieces that mean something in a file.
fn pieces(pieces: &'static [&'static str]) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => proptest::sample::select(pieces).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn file() -> impl Strategy<Value = Vec<u8>> {
    let csv = || {
        pieces(&[
            "id",
            "title",
            "in_print",
            "author",
            ",",
            ",",
            ";",
            "\t",
            "\n",
            "\n",
            "\r",
            "\"",
            "\u{feff}",
            "\0",
            "sep=",
            "'=",
            "=\"7\"",
            "1,5",
            "2026-01-02",
            "TRUE",
            "\u{ef}\u{bb}\u{bf}",
        ])
    };
    let sheet = pieces(&[
        "<row>",
        "<row r=\"1\">",
        "<row r=\"4294967295\">",
        "</row>",
        "<c>",
        "<c r=\"A1\" t=\"s\">",
        "<c r=\"B1\" t=\"inlineStr\">",
        "<c r=\"C2\" t=\"b\">",
        "<c r=\"XFD1048576\">",
        "<c r=\"ZZZZZZZZ99999999999\">",
        "<c s=\"1\">",
        "<c t=\"e\">",
        "</c>",
        "<v>",
        "</v>",
        "0",
        "99999999999",
        "-1e308",
        "NaN",
        "2958466",
        "title",
        "<is><t>",
        "</t></is>",
        "<f>",
        "</f>",
        "&#x41;",
        "&",
        "<!--",
    ]);
    let damaged =
        (any::<usize>(), proptest::collection::vec(any::<u8>(), 0..8)).prop_map(|(at, bytes)| {
            let mut file = workbook(
                "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c></row>",
                STRINGS,
            );
            let at = at % file.len();
            let end = (at + bytes.len()).min(file.len());
            file.splice(at..end, bytes);
            file
        });
    prop_oneof![
        csv().prop_map(String::into_bytes),
        csv().prop_map(|text| text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        proptest::collection::vec(any::<u8>(), 0..200),
        sheet.prop_map(|sheet| workbook(&sheet, STRINGS)),
        damaged,
    ]
}

#[test]
fn no_file_makes_the_reader_panic() {
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(bytes in file())| read(&bytes));
}

#[test]
fn the_time_is_linear_in_the_size() {
    for piece in [
        "\"",
        ",",
        "\n",
        "\r\r",
        "'=;",
        "\"\"\"\n",
        "a,b\n",
        "\u{ef}\u{bb}\u{bf}\n",
        "=\"\"",
        "\0\0\0\u{1}",
    ] {
        let file = format!("title{}", piece.repeat((2 << 20) / piece.len()));
        let start = Instant::now();
        read(file.as_bytes());
        // Quadratic time would be hours.
        assert!(start.elapsed() < Duration::from_secs(20), "{piece:?}");
    }
}
