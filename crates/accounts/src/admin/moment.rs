//! Date and time fields (UTC), split into two form fields.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use oc_core::admin::FormValues;
use oc_core::validation::{Checker, Violation};

/// The names of a moment's two parts in a form.
pub(super) type Parts = [&'static str; 2];

/// With a moment in its two parts, both empty where there is none.
pub(super) fn with(
    values: FormValues,
    [date, time]: Parts,
    moment: Option<NaiveDateTime>,
) -> FormValues {
    let part = |format| moment.map_or_else(String::new, |moment| moment.format(format).to_string());
    values
        .with(date, part("%Y-%m-%d"))
        .with(time, part("%H:%M:%S"))
}

/// The moment that was typed, if any. A form knows no fractions of a second: where nobody typed another time, what
/// was stored stays.
pub(super) fn typed(
    checker: &mut Checker,
    values: &FormValues,
    [date_field, time_field]: Parts,
    stored: Option<NaiveDateTime>,
) -> Option<NaiveDateTime> {
    let (date, time) = (
        values.text(date_field).trim(),
        values.text(time_field).trim(),
    );
    if date.is_empty() && time.is_empty() {
        return None;
    }
    let date = parse_date(date);
    if date.is_none() {
        checker.refuse(date_field, Violation::Date);
    }
    let time = parse_time(time);
    if time.is_none() {
        checker.refuse(time_field, Violation::Time);
    }
    let moment = date?.and_time(time?);
    let unchanged = stored.filter(|stored| stored.with_nanosecond(0) == Some(moment));
    unchanged.or(Some(moment))
}

fn parse_date(text: &str) -> Option<NaiveDate> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (1..=9999).contains(&date.year()).then_some(date)
}

fn parse_time(text: &str) -> Option<NaiveTime> {
    let time = NaiveTime::parse_from_str(text, "%H:%M:%S")
        .or_else(|_| NaiveTime::parse_from_str(text, "%H:%M"))
        .ok()?;
    // Leap seconds are written as a second 60, which no database keeps.
    (time.nanosecond() == 0).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTS: Parts = ["last_login_0", "last_login_1"];

    fn read(date: &str, time: &str) -> Result<Option<String>, Vec<String>> {
        let values = FormValues::default()
            .with(PARTS[0], date)
            .with(PARTS[1], time);
        let mut checker = Checker::default();
        let moment = typed(&mut checker, &values, PARTS, None);
        checker
            .finish(moment.map(|moment| moment.to_string()))
            .map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn seconds_may_be_left_out_and_so_may_all_of_it() {
        let moment = |text: &str| Ok(Some(text.to_owned()));

        assert_eq!(read("2026-03-01", "09:30"), moment("2026-03-01 09:30:00"));
        assert_eq!(
            read(" 2026-03-01 ", "09:30:59"),
            moment("2026-03-01 09:30:59")
        );
        assert_eq!(read(" ", ""), Ok(None));
    }

    #[test]
    fn each_part_is_told_when_it_is_none() {
        for date in [
            "",
            "2026-02-30",
            "1.3.2026",
            "12026-01-01",
            "-1-01-01",
            "2026-03-01\0",
        ] {
            assert_eq!(
                read(date, "09:30"),
                Err(vec!["Enter a valid date.".to_owned()]),
                "{date}"
            );
        }
        for time in [
            "",
            "25:00",
            "9",
            "23:59:60",
            "09:30:00.5",
            "noon",
            "09:30\0",
        ] {
            assert_eq!(
                read("2026-03-01", time),
                Err(vec!["Enter a valid time.".to_owned()]),
                "{time}"
            );
        }
        assert_eq!(read("x", "y").map_err(|errors| errors.len()), Err(2));
    }

    #[test]
    fn fractions_of_a_second_survive_a_form() {
        let stored =
            NaiveDate::from_ymd_opt(2026, 3, 1).and_then(|d| d.and_hms_milli_opt(9, 30, 59, 7));
        let values = with(FormValues::default(), PARTS, stored);
        let mut checker = Checker::default();

        assert_eq!(values.text("last_login_1"), "09:30:59");
        assert_eq!(typed(&mut checker, &values, PARTS, stored), stored);
        assert_ne!(typed(&mut checker, &values, PARTS, None), stored);
    }
}
