//! Cells as people and spreadsheets write them.

use chrono::{NaiveDate, NaiveTime, Timelike};

/// The text of a cell whose formula has no stored value.
pub(super) const UNCALCULATED: &str = "#UNCALCULATED!";

/// What spreadsheets write for a formula that failed, also in German, French and Spanish.
const ERRORS: [&str; 16] = [
    "#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#DATA!", "#NV", "#BEZUG!",
    "#WERT!", "#ZAHL!", "#VALEUR!", "#NOM?", "#NUL!", "#NOMBRE!",
];

/// What is wrong with a cell whose formula has no value.
pub(super) fn error(cell: &str) -> Option<String> {
    match cell.trim() {
        UNCALCULATED => Some(
            "The cell has a formula that was never calculated. Save the file with a spreadsheet program."
                .to_owned(),
        ),
        text => ERRORS
            .contains(&text)
            .then(|| format!("The cell contains the error {text}.")),
    }
}

/// The text of a cell that was written as a formula, so that a spreadsheet keeps it as it is: `="02134"`.
pub(super) fn without_text_formula(cell: &str) -> &str {
    let quoted = cell.trim().strip_prefix("=\"");
    let text = quoted.and_then(|text| text.strip_suffix('"'));
    text.filter(|text| !text.contains('"')).unwrap_or(cell)
}

/// A yes or no, also as spreadsheets in other languages write it; empty means no.
pub(super) fn boolean(cell: &str) -> Option<bool> {
    match cell.trim().to_lowercase().as_str() {
        "yes" | "y" | "on" | "true" | "1" | "1.0" | "x" | "ja" | "oui" | "sí" | "si" | "wahr"
        | "vrai" | "verdadero" | "verdadeiro" | "vero" | "waar" => Some(true),
        "" | "no" | "n" | "off" | "false" | "0" | "0.0" | "nein" | "non" | "falsch" | "faux"
        | "falso" | "onwaar" => Some(false),
        _ => None,
    }
}

/// A number in plain notation: without a leading apostrophe, with a decimal point instead of a comma, and without zeros
/// after it. Anything that could be a thousands separator stays.
pub(super) fn number(cell: &str) -> String {
    let text = cell.trim();
    let text = text.strip_prefix('\'').unwrap_or(text);
    let Some((whole, decimals)) = text.split_once(['.', ',']) else {
        return text.to_owned();
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let digits = whole.strip_prefix(['+', '-']).unwrap_or(whole);
    if !is_number(digits) || !is_number(decimals) || decimals.len() > 2 {
        return text.to_owned();
    }
    match decimals.trim_end_matches('0') {
        "" => whole.to_owned(),
        decimals => format!("{whole}.{decimals}"),
    }
}

/// A date as `YYYY-MM-DD`, if it can be read in one way only.
pub(super) fn date(cell: &str) -> String {
    match dates(cell).as_slice() {
        [date] => date.to_string(),
        _ => cell.to_owned(),
    }
}

/// A time of day as `HH:MM:SS`, if it is one.
pub(super) fn time(cell: &str) -> String {
    times(cell).map_or_else(|| cell.to_owned(), |time| time.to_string())
}

/// Whether a spreadsheet may have made this cell of the stored text: it shows numbers without leading zeros, `TRUE` for
/// `true`, and dates in the order of its country.
pub(super) fn is_reformatted(stored: &str, cell: &str) -> bool {
    let (stored, cell) = (stored.trim(), cell.trim());
    // Only a spreadsheet's notation: a leading zero was typed.
    let number = stored
        .parse::<f64>()
        .ok()
        .filter(|number| number.is_finite());
    let is_same_number = number.is_some_and(|number| number.to_string() == self::number(cell));
    is_same_number
        || matches!(cell, "TRUE" | "FALSE") && stored.eq_ignore_ascii_case(cell)
        || NaiveDate::parse_from_str(stored, "%Y-%m-%d")
            .is_ok_and(|date| dates(cell).contains(&date))
        || times(stored).is_some_and(|time| times(cell) == Some(time))
}

/// The dates that a cell can mean.
fn dates(cell: &str) -> Vec<NaiveDate> {
    const FORMATS: [&str; 5] = ["%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y"];
    let text = cell.trim();
    // A date with a time: midnight, if only the date was there.
    let text = text
        .split_once([' ', 'T'])
        .map_or(text, |(date, time)| match times(time) {
            Some(NaiveTime::MIN) => date,
            _ => text,
        });
    let parse = |format| NaiveDate::parse_from_str(text, format).ok();
    let mut dates: Vec<_> = FORMATS.into_iter().filter_map(parse).collect();
    dates.retain(|date| (1000..=9999).contains(&chrono::Datelike::year(date)));
    dates.dedup();
    dates
}

/// The time of day in a cell.
fn times(cell: &str) -> Option<NaiveTime> {
    const FORMATS: [&str; 4] = ["%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p"];
    let parse = |format| NaiveTime::parse_from_str(cell.trim(), format).ok();
    // Leap seconds, written as second 60, can't be stored.
    FORMATS
        .into_iter()
        .find_map(parse)
        .filter(|time| time.nanosecond() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_accepted_if_they_can_mean_one_thing() {
        for (cell, expected) in [
            (" 92651 ", "92651"),
            ("02134", "02134"),
            ("'02134", "02134"),
            ("92651.0", "92651"),
            ("1,5", "1.5"),
            ("1.50", "1.5"),
            ("-3,00", "-3"),
            ("1,000", "1,000"),
            ("1.000", "1.000"),
            ("1,0,0", "1,0,0"),
            ("9.2E+04", "9.2E+04"),
            ("Pier, 5", "Pier, 5"),
        ] {
            assert_eq!(number(cell), expected, "{cell}");
        }
        assert_eq!(without_text_formula("=\"02134\""), "02134");
        assert_eq!(without_text_formula("=\"a\"&\"b\""), "=\"a\"&\"b\"");
    }

    #[test]
    fn dates_are_accepted_if_they_can_mean_one_thing() {
        for (cell, expected) in [
            ("2026-03-01", "2026-03-01"),
            ("2026-03-01 00:00:00", "2026-03-01"),
            ("01.03.2026", "2026-03-01"),
            ("3/31/2026", "2026-03-31"),
            ("31/03/2026", "2026-03-31"),
            ("03/03/2026", "2026-03-03"),
            ("03/01/2026", "03/01/2026"),
            ("3/1/26", "3/1/26"),
        ] {
            assert_eq!(date(cell), expected, "{cell}");
        }
        assert_eq!(
            [time("9:30"), time("9:30:59 PM"), time("x")],
            ["09:30:00", "21:30:59", "x"]
        );
    }

    #[test]
    fn a_value_rewritten_by_a_spreadsheet_is_unchanged() {
        for (stored, cell) in [
            ("007", "7"),
            ("1e5", "100000"),
            ("true", "TRUE"),
            ("2026-03-01", "3/1/2026"),
            ("2026-03-01", "01/03/2026"),
            ("09:30:59", "9:30:59 AM"),
        ] {
            assert!(is_reformatted(stored, cell), "{cell}");
        }
        for (stored, cell) in [
            ("7", "007"),
            ("true", "True"),
            ("2026-03-01", "3/2/2026"),
            ("Pier", "Pir"),
        ] {
            assert!(!is_reformatted(stored, cell), "{cell}");
        }
    }
}
