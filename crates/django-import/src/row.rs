//! A row of the old site, with typed access to its values.

use std::rc::Rc;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Timelike};
use oc_core::validation::FieldError;
use serde_json::{Map, Value};

/// The largest id that is accepted (2⁵³), which leaves room for later rows.
pub(crate) const LARGEST_ID: i64 = 1 << 53;

/// How much of a value a problem shows (characters).
const SHOWN: usize = 60;

/// A value of a row that can't be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The table, or the model in a dump.
    pub(crate) table: String,
    /// The id of the row.
    pub(crate) id: String,
    /// The field.
    pub(crate) field: String,
    /// What is wrong with it.
    pub(crate) reason: String,
}

/// A reference to another row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reference {
    None,
    Id(i64),
    /// Such as `["ada"]` or `["add_letting", "lettings", "letting"]`, in a dump with `--natural-foreign`.
    NaturalKey(Vec<String>),
}

/// The values of a row by field, shared since it is read twice.
pub(crate) type Fields = Rc<Map<String, Value>>;

/// A row of a Django database, or an object of a dump. Invalid values are replaced by defaults, and the row is rejected.
pub(crate) struct SourceRow {
    table: String,
    pk: String,
    fields: Fields,
    /// Whether all of its text was valid UTF-8.
    is_valid: bool,
    /// The value that no two rows share, such as a username.
    pub(crate) unique: String,
    pub(crate) problems: Vec<Problem>,
}

impl SourceRow {
    pub(crate) fn new(table: &str, pk: String, fields: Fields, is_valid: bool) -> Self {
        Self {
            table: table.to_owned(),
            pk,
            fields,
            is_valid,
            unique: String::new(),
            problems: Vec::new(),
        }
    }

    /// Adds a problem, unless the field has one already.
    pub(crate) fn reject(&mut self, field: &str, reason: impl Into<String>) {
        if self.problems.iter().any(|problem| problem.field == field) {
            return;
        }
        self.problems.push(Problem {
            table: self.table.clone(),
            id: self.pk.clone(),
            field: field.to_owned(),
            reason: reason.into(),
        });
    }

    /// Rejects a value, with `default` in its place.
    fn invalid<T>(&mut self, field: &str, reason: &str, default: T) -> T {
        self.reject(field, format!("{field} is {reason}: {}", self.shown(field)));
        default
    }

    /// The result of a draft's check; its errors become problems.
    pub(crate) fn check<T>(&mut self, result: Result<T, Vec<FieldError>>) -> Option<T> {
        let reject = |error: FieldError| self.reject(error.field, error.to_string());
        let result = result.map_err(|errors| errors.into_iter().for_each(reject));
        result.ok()
    }

    fn value(&self, field: &str) -> &Value {
        self.fields.get(field).unwrap_or(&Value::Null)
    }

    pub(crate) fn is_null(&self, field: &str) -> bool {
        self.value(field).is_null()
    }

    /// The value, shortened for a message.
    pub(crate) fn shown(&self, field: &str) -> String {
        match self.value(field) {
            Value::String(text) => shorten(text),
            other => shorten(&other.to_string()),
        }
    }

    /// The id, from 1 to 2⁵³.
    pub(crate) fn id(&mut self) -> i64 {
        let shown = shorten(&self.pk);
        let reason = match self.pk.parse() {
            Ok(id @ 1..=LARGEST_ID) => return id,
            _ if shown.is_empty() => "is missing; run dumpdata without --natural-primary".into(),
            _ => format!("must be between 1 and {LARGEST_ID}, not {shown}"),
        };
        self.reject("id", reason);
        0
    }

    /// Text; empty where it is missing.
    pub(crate) fn text(&mut self, field: &str) -> String {
        match self.value(field) {
            Value::Null => String::new(),
            Value::String(text) if !self.is_valid && text.contains('\u{fffd}') => {
                self.reject(field, format!("{field} is not valid UTF-8"));
                String::new()
            }
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => self.invalid(field, "not text", String::new()),
        }
    }

    /// Text for a column of limited length that no draft checks.
    pub(crate) fn limited_text(&mut self, field: &str, max: usize) -> String {
        let text = self.text(field);
        let length = text.chars().count();
        if text.contains('\0') {
            let reason = format!("{field} contains a character that is not allowed");
            self.reject(field, reason);
        } else if length > max {
            let reason = format!("{field} must be {max} characters or fewer; it has {length}");
            self.reject(field, reason);
        }
        text
    }

    /// A boolean: `true` in a dump, 1 in SQLite; other tools write other words.
    pub(crate) fn flag(&mut self, field: &str) -> bool {
        match self.shown(field).to_ascii_lowercase().as_str() {
            "true" | "t" | "1" => true,
            "false" | "f" | "0" => false,
            _ => self.invalid(field, "neither true nor false", false),
        }
    }

    /// A date and time in UTC.
    pub(crate) fn timestamp(&mut self, field: &str) -> NaiveDateTime {
        let text = self.text(field);
        parse_timestamp(&text)
            .unwrap_or_else(|| self.invalid(field, "not a date and time", NaiveDateTime::default()))
    }

    /// A reference to another row.
    pub(crate) fn reference(&mut self, field: &str) -> Reference {
        parse_reference(self.value(field))
            .unwrap_or_else(|| self.invalid(field, "not a reference", Reference::None))
    }

    /// A list of references to other rows.
    pub(crate) fn references(&mut self, field: &str) -> Vec<Reference> {
        let list = match self.value(field) {
            Value::Null => Some(Vec::new()),
            Value::Array(items) => items.iter().map(parse_reference).collect(),
            _ => None,
        };
        list.unwrap_or_else(|| self.invalid(field, "not a list of references", Vec::new()))
    }
}

fn shorten(text: &str) -> String {
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

fn parse_reference(value: &Value) -> Option<Reference> {
    Some(match value {
        Value::Null => Reference::None,
        Value::Number(id) => Reference::Id(id.as_i64()?),
        Value::String(id) => Reference::Id(id.parse().ok()?),
        Value::Array(parts) => {
            let parts = parts.iter().map(|part| part.as_str().map(str::to_owned));
            Reference::NaturalKey(parts.collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

/// A timestamp as Django writes it to a database (UTC) or to JSON (with an offset).
fn parse_timestamp(text: &str) -> Option<NaiveDateTime> {
    let naive = |format| NaiveDateTime::parse_from_str(text, format).ok();
    let timestamp = DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%:z"))
        .map(|timestamp| timestamp.naive_utc())
        .ok()
        .or_else(|| naive("%Y-%m-%d %H:%M:%S%.f"))
        .or_else(|| naive("%Y-%m-%dT%H:%M:%S%.f"))
        .or_else(|| naive("%Y-%m-%d %H:%M"))
        .or_else(|| {
            let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
            date.and_hms_opt(0, 0, 0)
        })?;
    // No database stores the second 60 of a leap second.
    let fits = (1..=9999).contains(&timestamp.year()) && timestamp.nanosecond() < 1_000_000_000;
    fits.then_some(timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_are_read_as_any_tool_writes_them() -> serde_json::Result<()> {
        for (value, expected) in [
            ("true", Some(true)),
            ("0", Some(false)),
            ("1", Some(true)),
            ("\"1\"", Some(true)),
            // sparklemotion/sqlite3-ruby#42.
            ("\"f\"", Some(false)),
            ("\"False\"", Some(false)),
            ("2", None),
            ("null", None),
            ("\"yes\"", None),
        ] {
            let fields = serde_json::from_str(&format!("{{\"is_staff\": {value}}}"))?;
            let mut row = SourceRow::new("auth_user", "1".to_owned(), Rc::new(fields), true);
            let flag = row.flag("is_staff");
            assert_eq!(row.problems.is_empty().then_some(flag), expected, "{value}");
        }
        Ok(())
    }

    #[test]
    fn timestamps_become_utc() {
        for (text, expected) in [
            ("2020-06-14 09:41:56.975174", "2020-06-14 09:41:56.975174"),
            ("2020-06-14 09:44:05", "2020-06-14 09:44:05"),
            ("2020-06-14T09:41:56.975Z", "2020-06-14 09:41:56.975"),
            ("2020-06-14T11:41:56+02:00", "2020-06-14 09:41:56"),
            ("2020-06-14 11:41:56+02:00", "2020-06-14 09:41:56"),
            ("2020-06-14 09:44", "2020-06-14 09:44:00"),
            ("2020-06-14", "2020-06-14 00:00:00"),
            ("2021-02-29 00:00:00", ""),
            ("2020-06-14 24:00:00", ""),
            ("2016-12-31 23:59:60", ""),
            ("0000-00-00 00:00:00", ""),
            ("12020-06-14 09:44:05", ""),
            ("yesterday", ""),
            ("1592127716", ""),
            ("", ""),
        ] {
            let parsed = parse_timestamp(text).map(|timestamp| timestamp.to_string());
            assert_eq!(parsed.unwrap_or_default(), expected, "{text}");
        }
    }
}
