//! Values as the file holds them: bytes, whatever the column was declared to be.
//!
//! SQLite keeps any value in any column, and text that is no UTF-8. So each value is read as bytes, and each reader says
//! what it takes them for.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Timelike};
use diesel::deserialize::{self, FromSql, QueryableByName};
use diesel::row::{Field, NamedRow, Row};
use diesel::sql_types::{Binary, Nullable};
use diesel::sqlite::Sqlite;

/// How much of a value is shown in a report (characters).
const SHOWN: usize = 60;

/// The values of one row; `None` is NULL.
#[derive(Debug)]
pub(super) struct Cells(Vec<Option<Vec<u8>>>);

impl QueryableByName<Sqlite> for Cells {
    fn build<'a>(row: &impl NamedRow<'a, Sqlite>) -> deserialize::Result<Self> {
        let value = |index| -> deserialize::Result<Option<Vec<u8>>> {
            let field = Row::get(row, index).ok_or("a column is missing")?;
            FromSql::<Nullable<Binary>, Sqlite>::from_nullable_sql(field.value())
        };
        Ok(Self(
            (0..row.field_count())
                .map(value)
                .collect::<deserialize::Result<_>>()?,
        ))
    }
}

impl Cells {
    pub(super) fn is_null(&self, index: usize) -> bool {
        self.0[index].is_none()
    }

    /// A value for eyes: short, and whatever it is.
    pub(super) fn shown(&self, index: usize) -> String {
        let Some(bytes) = &self.0[index] else {
            return "NULL".to_owned();
        };
        let text = String::from_utf8_lossy(bytes);
        let mut shown: String = text
            .chars()
            .map(|c| if c.is_control() { '\u{fffd}' } else { c })
            .take(SHOWN)
            .collect();
        if text.chars().nth(SHOWN).is_some() {
            shown.push('…');
        }
        shown
    }

    /// Text, of what must be there.
    pub(super) fn text(&self, index: usize) -> Result<&str, String> {
        let bytes = self.0[index].as_deref().ok_or("is missing (NULL)")?;
        std::str::from_utf8(bytes).map_err(|error| {
            format!(
                "is not valid UTF-8: the byte at position {}",
                error.valid_up_to() + 1
            )
        })
    }

    /// A whole number.
    pub(super) fn whole(&self, index: usize) -> Result<i64, String> {
        let text = self.text(index)?;
        text.parse()
            .map_err(|_| format!("is no whole number: {}", self.shown(index)))
    }

    /// Yes or no.
    pub(super) fn flag(&self, index: usize) -> Result<bool, String> {
        match self.text(index)? {
            "0" => Ok(false),
            "1" => Ok(true),
            _ => Err(format!("is neither 0 nor 1: {}", self.shown(index))),
        }
    }

    /// A moment, in UTC.
    pub(super) fn moment(&self, index: usize) -> Result<NaiveDateTime, String> {
        moment(self.text(index)?)
            .ok_or_else(|| format!("is no date and time: {}", self.shown(index)))
    }
}

/// A moment as Django writes it, into a database (UTC) or as JSON (with an offset).
fn moment(text: &str) -> Option<NaiveDateTime> {
    let naive = |format| NaiveDateTime::parse_from_str(text, format).ok();
    let moment = DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%:z"))
        .map(|moment| moment.naive_utc())
        .ok()
        .or_else(|| naive("%Y-%m-%d %H:%M:%S%.f"))
        .or_else(|| naive("%Y-%m-%dT%H:%M:%S%.f"))
        .or_else(|| {
            let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
            date.and_hms_opt(0, 0, 0)
        })?;
    // A leap second is written as a second 60, which no database keeps.
    let fits = (1..=9999).contains(&moment.year()) && moment.nanosecond() < 1_000_000_000;
    fits.then_some(moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_become_utc() {
        let read = |text| moment(text).map(|moment| moment.to_string());

        for (text, told) in [
            (
                "2020-06-14 09:41:56.975174",
                Some("2020-06-14 09:41:56.975174"),
            ),
            ("2020-06-14 09:44:05", Some("2020-06-14 09:44:05")),
            ("2020-06-14T09:41:56.975Z", Some("2020-06-14 09:41:56.975")),
            ("2020-06-14T11:41:56+02:00", Some("2020-06-14 09:41:56")),
            ("2020-06-14 11:41:56+02:00", Some("2020-06-14 09:41:56")),
            ("2020-06-14", Some("2020-06-14 00:00:00")),
            ("2021-02-29 00:00:00", None),
            ("2020-06-14 24:00:00", None),
            ("2016-12-31 23:59:60", None),
            ("0000-00-00 00:00:00", None),
            ("12020-06-14 09:44:05", None),
            ("yesterday", None),
            ("1592127716", None),
            ("", None),
        ] {
            assert_eq!(read(text).as_deref(), told, "{text}");
        }
    }

    #[test]
    fn bytes_are_read_as_what_is_asked_for() {
        let cells = Cells(vec![
            Some(b"12".to_vec()),
            Some(vec![b'a', 0xff]),
            None,
            Some(b"a\0b".to_vec()),
        ]);

        assert_eq!(cells.whole(0), Ok(12));
        assert!(cells.flag(0).is_err() && cells.whole(1).is_err());
        assert_eq!(
            cells.text(1),
            Err("is not valid UTF-8: the byte at position 2".to_owned())
        );
        assert_eq!(cells.text(2), Err("is missing (NULL)".to_owned()));
        assert_eq!(cells.shown(3), "a\u{fffd}b");
    }
}
