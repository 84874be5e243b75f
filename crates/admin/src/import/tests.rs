//! Properties of the reader of files, where `PROPTEST_CASES` sets the number of cases; and workbooks for unit tests.

use std::io::Write;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::import::csv_table::CsvTable;
use crate::tests::BOOK;

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

/// Text of pieces that mean something in a file; `|` separates them.
fn pieces(pieces: &'static str) -> impl Strategy<Value = String> {
    let pieces: Vec<&str> = pieces.split('|').collect();
    let piece = prop_oneof![
        4 => proptest::sample::select(pieces).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn file() -> impl Strategy<Value = Vec<u8>> {
    let csv = || {
        pieces(
            "id|title|in_print|author|,|,|;|\t|\n|\n|\r|\"|\u{feff}|\0|sep=|'=|=\"7\"|1,5|2026-01-02|TRUE|\
             \u{ef}\u{bb}\u{bf}",
        )
    };
    let sheet = pieces(
        "<row>|<row r=\"1\">|<row r=\"4294967295\">|</row>|<c>|<c r=\"A1\" t=\"s\">|\
         <c r=\"B1\" t=\"inlineStr\">|<c r=\"C2\" t=\"b\">|<c r=\"XFD1048576\">|\
         <c r=\"ZZZZZZZZ99999999999\">|<c s=\"1\">|<c t=\"e\">|</c>|<v>|</v>|0|99999999999|\
         -1e308|NaN|2958466|title|<is><t>|</t></is>|<f>|</f>|<f t=\"shared\" si=\"9999999999\" ref=\"A1\">|&#x41;|&|<!--",
    );
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
    let pieces = "\"|,| |, |\n|\r\r|'=;|\"\"\"\n|a,b\n|\u{ef}\u{bb}\u{bf}\n|=\"\"|\0\0\0\u{1}";
    for piece in pieces.split('|') {
        let file = format!("title{}", piece.repeat((2 << 20) / piece.len()));
        let start = Instant::now();
        read(file.as_bytes());
        // Quadratic time would be hours.
        assert!(start.elapsed() < Duration::from_secs(20), "{piece:?}");
    }
}

#[test]
fn shared_formulas_are_not_expanded() {
    let row = |formula: &str| format!("<row><c>{formula}</c></row>");
    let template = format!(
        "<f t=\"shared\" si=\"0\" ref=\"A1\">{}</f>",
        "A1+".repeat(300_000)
    );
    let derived = row("<f t=\"shared\" si=\"0\"/>").repeat(50_000);
    let start = Instant::now();
    // Expanded, these are 12 and 45 GB.
    for sheet in [
        row("<f t=\"shared\" si=\"300000000\" ref=\"A1\">1</f>"),
        row(&template) + &derived,
    ] {
        read(&workbook(&sheet, STRINGS));
    }
    assert!(start.elapsed() < Duration::from_secs(20));
}

/// A workbook whose first sheet has this XML, with shared strings and the styles general, date, time and both.
pub(super) fn workbook(sheet: &str, strings: &str) -> Vec<u8> {
    const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let relationship = |id: &str, kind: &str, target: &str| {
        format!("<Relationship Id=\"{id}\" Type=\"{OFFICE}/{kind}\" Target=\"{target}\"/>")
    };
    let relationships = |list: &str| {
        format!(
            "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">{list}</Relationships>"
        )
    };
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in [
        (
            "_rels/.rels",
            relationships(&relationship("r1", "officeDocument", "xl/workbook.xml")),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            relationships(
                &(relationship("r1", "worksheet", "worksheets/sheet1.xml")
                    + &relationship("r2", "worksheet", "worksheets/sheet2.xml")),
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}\"><sheets>\
                 <sheet name=\"Lists\" sheetId=\"2\" state=\"hidden\" r:id=\"r2\"/>\
                 <sheet name=\"Books\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/styles.xml",
            format!(
                "<styleSheet xmlns=\"{MAIN}\"><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/>\
                 <xf numFmtId=\"21\"/><xf numFmtId=\"22\"/></cellXfs></styleSheet>"
            ),
        ),
        ("xl/sharedStrings.xml", strings.to_owned()),
        (
            "xl/worksheets/sheet1.xml",
            format!("<worksheet xmlns=\"{MAIN}\"><sheetData>{sheet}</sheetData></worksheet>"),
        ),
        (
            "xl/worksheets/sheet2.xml",
            format!("<worksheet xmlns=\"{MAIN}\"/>"),
        ),
    ] {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}
