//! The site's time zone: times are stored in UTC, and shown and entered in it.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeZone as _};
use chrono_tz::Tz;
use oc_core::admin::{Field, FieldKind, FormValues};
use oc_core::validation::{Checker, FieldError, Violation};

const SKIPPED: Violation =
    Violation::Other("There is no such time on that day: clocks go forward.");

/// A time zone of the IANA time zone database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeZone(Tz);

impl FromStr for TimeZone {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let unknown =
            "it must be a name of the IANA time zone database, such as America/Los_Angeles";
        name.parse().map(Self).map_err(|_| unknown.to_owned())
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

impl TimeZone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(Tz::UTC);

    /// A time that is stored, with the zone's abbreviation: `2026-03-01 09:30:59 PST`.
    pub(crate) fn date_time(self, utc: NaiveDateTime) -> String {
        let local = self.0.from_utc_datetime(&utc);
        local.format("%Y-%m-%d %H:%M:%S %Z").to_string()
    }

    /// The start of a day, as it is stored. If clocks go forward at midnight, the day starts later.
    pub(crate) fn start_of(self, day: NaiveDate) -> NaiveDateTime {
        let midnight = day.and_time(NaiveTime::MIN);
        let mut hours = (0..24).filter_map(|hour| day.and_hms_opt(hour, 0, 0));
        hours
            .find_map(|local| self.to_utc(local))
            .unwrap_or(midnight)
    }

    /// The values of a form, of stored ones.
    pub(crate) fn local_values(self, fields: &[Field], stored: &FormValues) -> FormValues {
        date_times(fields).fold(stored.clone(), |values, field| {
            match date_time(stored, field) {
                Some(utc) => with_date_time(values, field, self.to_local(utc)),
                None => values,
            }
        })
    }

    /// The values to store, of a form's. Where clocks go back, a time means the first of the two, unless it is
    /// unchanged.
    ///
    /// # Errors
    /// For a time that clocks skip. Other invalid times stay as they are.
    pub(crate) fn stored_values(
        self,
        fields: &[Field],
        values: &FormValues,
        stored: Option<&FormValues>,
    ) -> Result<FormValues, Vec<FieldError>> {
        let mut result = values.clone();
        let mut checker = Checker::default();
        for field in date_times(fields) {
            let Some(local) = date_time(values, field) else {
                continue;
            };
            let stored = stored.and_then(|stored| date_time(stored, field));
            let unchanged = stored.filter(|utc| self.to_local(*utc) == local);
            match unchanged.or_else(|| self.to_utc(local)) {
                Some(utc) => result = with_date_time(result, field, utc),
                None => checker.reject(field.name, SKIPPED),
            }
        }
        checker.finish(result)
    }

    /// The text of a date and time in stored parts.
    pub(crate) fn text(self, date: &str, time: &str) -> String {
        parse(date, time).map_or_else(
            || format!("{date} {time}").trim().to_owned(),
            |utc| self.date_time(utc),
        )
    }

    fn to_local(self, utc: NaiveDateTime) -> NaiveDateTime {
        self.0.from_utc_datetime(&utc).naive_local()
    }

    /// The stored time of a local one; `None` if clocks skip it.
    fn to_utc(self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        let time = self.0.from_local_datetime(&local).earliest()?;
        Some(time.naive_utc())
    }
}

fn date_times(fields: &[Field]) -> impl Iterator<Item = &Field> {
    fields
        .iter()
        .filter(|field| matches!(field.kind, FieldKind::DateTime { .. }))
}

fn parts(name: &str) -> [String; 2] {
    [format!("{name}_0"), format!("{name}_1")]
}

/// The date and time of a field, if it is valid.
fn date_time(values: &FormValues, field: &Field) -> Option<NaiveDateTime> {
    let [date, time] = parts(field.name);
    parse(values.text(&date), values.text(&time))
}

fn parse(date: &str, time: &str) -> Option<NaiveDateTime> {
    let (date, time) = (date.trim(), time.trim());
    let date = NaiveDate::parse_from_str(date, "%Y-%m-%d").ok();
    // Within a day of other years, the year in UTC can have another number of digits.
    let date = date.filter(|date| (2..=9998).contains(&date.year()));
    let time = NaiveTime::parse_from_str(time, "%H:%M:%S")
        .or_else(|_| NaiveTime::parse_from_str(time, "%H:%M"));
    Some(date?.and_time(time.ok()?))
}

fn with_date_time(values: FormValues, field: &Field, time: NaiveDateTime) -> FormValues {
    let [date, clock] = parts(field.name);
    let values = values.with(&date, time.date().to_string());
    values.with(&clock, time.time().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: [Field; 1] = [Field::new(
        "at",
        "At",
        FieldKind::DateTime { required: true },
    )];

    fn values(date: &str, time: &str) -> FormValues {
        FormValues::default().with("at_0", date).with("at_1", time)
    }

    #[test]
    fn times_are_entered_in_the_zone_and_stored_in_utc() {
        let zone: TimeZone = "America/Los_Angeles".parse().unwrap();
        for (date, time, utc) in [
            ("2026-03-01", "09:30:59", Some(("2026-03-01", "17:30:59"))),
            ("2026-07-01", "18:00", Some(("2026-07-02", "01:00:00"))),
            // Clocks go forward at two o'clock, and back at two o'clock.
            ("2026-03-08", "02:30", None),
            ("2026-11-01", "01:30", Some(("2026-11-01", "08:30:00"))),
            // The form rejects these.
            ("2026-02-30", "01:30", Some(("2026-02-30", "01:30"))),
            ("262142-12-31", "23:00", Some(("262142-12-31", "23:00"))),
            ("", "", Some(("", ""))),
        ] {
            let stored = zone.stored_values(&FIELDS, &values(date, time), None);
            assert_eq!(
                stored.ok(),
                utc.map(|(date, time)| values(date, time)),
                "{date} {time}"
            );
        }
    }

    #[test]
    fn an_unchanged_time_is_stored_as_it_was() {
        let zone: TimeZone = "America/Los_Angeles".parse().unwrap();
        let (first, second) = (
            values("2026-11-01", "08:30:00"),
            values("2026-11-01", "09:30:00"),
        );
        let shown = zone.local_values(&FIELDS, &second);

        assert_eq!(shown, values("2026-11-01", "01:30:00"));
        assert_eq!(
            zone.stored_values(&FIELDS, &shown, Some(&second)),
            Ok(second)
        );
        assert_eq!(
            zone.stored_values(&FIELDS, &shown, Some(&values("2026-01-01", "00:00:00"))),
            Ok(first)
        );
    }

    #[test]
    fn the_zone_is_named_and_a_day_starts_when_it_exists() {
        let day = |month, day| NaiveDate::from_ymd_opt(2026, month, day).unwrap();
        let zone: TimeZone = "America/Santiago".parse().unwrap();

        assert_eq!(
            zone.date_time(day(1, 1).and_time(NaiveTime::MIN)),
            "2025-12-31 21:00:00 -03"
        );
        // Clocks go forward at midnight.
        assert_eq!(zone.start_of(day(9, 6)).to_string(), "2026-09-06 04:00:00");
        assert_eq!(
            TimeZone::UTC.text("2026-03-01", "09:30"),
            "2026-03-01 09:30:00 UTC"
        );
        assert_eq!(TimeZone::UTC.text("2026-03-01", ""), "2026-03-01");
        assert!("Pacific".parse::<TimeZone>().is_err());
    }
}
