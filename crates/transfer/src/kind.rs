//! The kinds of values, their canonical form, and how each database gives and takes it as JSON.

use chrono::NaiveDateTime;
use oc_core::DbConnection;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a time is written: microseconds, which is all that PostgreSQL keeps.
const TIME: &str = "%Y-%m-%dT%H:%M:%S%.6f";

/// What a column holds. Each kind has one canonical form in JSON; a missing value is `null`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A number of 64 bits.
    Integer,
    /// Text, as it is.
    Text,
    /// `true` or `false`; 0 and 1 on SQLite.
    Boolean,
    /// `YYYY-MM-DDTHH:MM:SS.ffffff`, UTC; text on SQLite.
    Timestamp,
    /// The shortest decimal that reads back to the same number, as text: JSON parsers may lose its last bit.
    Double,
    /// Hexadecimal, small letters.
    Bytes,
}

/// Which database's SQL is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Postgres,
    Sqlite,
}

impl Dialect {
    pub(super) fn of(conn: &DbConnection) -> Self {
        match conn {
            DbConnection::Postgres(_) => Self::Postgres,
            DbConnection::Sqlite(_) => Self::Sqlite,
        }
    }
}

impl Kind {
    /// The canonical form of what a database gave; `None` when it is no value of this kind.
    pub(super) fn canonical(self, value: Value) -> Option<Value> {
        match (self, value) {
            (_, Value::Null) => Some(Value::Null),
            (Self::Integer, Value::Number(number)) => {
                number.as_i64().map(|number| Value::Number(number.into()))
            }
            (Self::Boolean, Value::Number(number)) => match number.as_i64()? {
                0 => Some(Value::Bool(false)),
                1 => Some(Value::Bool(true)),
                _ => None,
            },
            (Self::Boolean, Value::Bool(value)) => Some(Value::Bool(value)),
            (Self::Text, Value::String(text)) => Some(Value::String(text)),
            (Self::Timestamp, Value::String(text)) => {
                let time = NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f")
                    .or_else(|_| NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S%.f"))
                    .ok()?;
                Some(Value::String(time.format(TIME).to_string()))
            }
            (Self::Double, Value::String(text)) => {
                let number: f64 = text.parse().ok()?;
                Some(Value::String(format!("{number:?}")))
            }
            (Self::Bytes, Value::String(text)) => (text.len().is_multiple_of(2)
                && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
            .then_some(Value::String(text)),
            _ => None,
        }
    }

    /// SQL for what JSON shall hold of a column (its name quoted already).
    pub(super) fn give(self, dialect: Dialect, column: &str) -> String {
        match (dialect, self) {
            (Dialect::Postgres, Self::Bytes) => format!("encode({column}, 'hex')"),
            (Dialect::Postgres, Self::Double) => format!("{column}::text"),
            (Dialect::Sqlite, Self::Bytes) => {
                format!("iif({column} IS NULL, NULL, lower(hex({column})))")
            }
            (Dialect::Sqlite, Self::Double) => {
                format!("iif({column} IS NULL, NULL, printf('%!.17g', {column}))")
            }
            _ => column.to_owned(),
        }
    }

    /// SQL for the value to store, from an element of a canonical JSON array.
    pub(super) fn take(self, dialect: Dialect, array: &str, index: usize) -> String {
        match dialect {
            Dialect::Postgres => {
                let text = format!("({array} ->> {index})");
                match self {
                    Self::Integer => format!("{text}::bigint"),
                    Self::Text => text,
                    Self::Boolean => format!("{text}::boolean"),
                    Self::Timestamp => format!("{text}::timestamp"),
                    Self::Double => format!("{text}::float8"),
                    Self::Bytes => format!("decode({text}, 'hex')"),
                }
            }
            Dialect::Sqlite => {
                let value = format!("({array} ->> '$[{index}]')");
                match self {
                    Self::Integer | Self::Text | Self::Boolean => value,
                    // As diesel writes it, so that a time compares equal to one that is bound to a query.
                    Self::Timestamp => format!(
                        "replace(substr({value}, 1, CASE WHEN {value} LIKE '%.000000' THEN 19 \
                         WHEN {value} LIKE '%000' THEN 23 ELSE 26 END), 'T', ' ')"
                    ),
                    Self::Double => format!("CAST({value} AS REAL)"),
                    Self::Bytes => format!("unhex({value})"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_databases_values_become_the_same() {
        let time = Some(json!("2026-03-01T09:00:00.500000"));

        assert_eq!(
            Kind::Timestamp.canonical(json!("2026-03-01 09:00:00.500")),
            time
        );
        assert_eq!(
            Kind::Timestamp.canonical(json!("2026-03-01T09:00:00.5")),
            time
        );
        assert_eq!(
            Kind::Timestamp.canonical(json!("2026-03-01 09:00:00")),
            Some(json!("2026-03-01T09:00:00.000000"))
        );
        assert_eq!(Kind::Boolean.canonical(json!(1)), Some(json!(true)));
        assert_eq!(
            Kind::Integer.canonical(json!(i64::MAX)),
            Some(json!(i64::MAX))
        );
        assert_eq!(
            Kind::Double.canonical(json!("0.10000000000000001")),
            Some(json!("0.1"))
        );
    }

    #[test]
    fn what_is_of_another_kind_is_refused() {
        for (kind, value) in [
            (Kind::Integer, json!("1")),
            (Kind::Integer, json!(u64::MAX)),
            (Kind::Boolean, json!(2)),
            (Kind::Text, json!(1)),
            (Kind::Timestamp, json!("yesterday")),
            (Kind::Bytes, json!("0")),
            (Kind::Bytes, json!("xy")),
            (Kind::Double, json!("one")),
            (Kind::Text, json!(["a"])),
        ] {
            assert_eq!(kind.canonical(value.clone()), None, "{kind:?} {value}");
        }
    }
}
