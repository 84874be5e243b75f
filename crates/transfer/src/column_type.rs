//! Column types: the canonical JSON form of a value, and the SQL that reads and writes it.

use chrono::NaiveDateTime;
use oc_core::DbConnection;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Timestamps have microseconds, the precision of PostgreSQL.
const TIMESTAMP_FORMAT: &str = "%Y-%m-%dT%H:%M:%S%.6f";

/// The type of a column. Each has one canonical form in JSON; NULL is `null`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// A 64-bit integer.
    Integer,
    /// Text, unchanged.
    Text,
    /// `true` or `false`; 0 and 1 on SQLite.
    Boolean,
    /// `YYYY-MM-DDTHH:MM:SS.ffffff`, UTC; text on SQLite.
    Timestamp,
    /// Lower-case hexadecimal.
    Bytes,
}

/// SQL dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Postgres,
    Sqlite,
}

impl Dialect {
    pub(super) fn for_connection(conn: &DbConnection) -> Self {
        match conn {
            DbConnection::Postgres(_) => Self::Postgres,
            DbConnection::Sqlite(_) => Self::Sqlite,
        }
    }
}

impl ColumnType {
    /// The canonical form of a value from a database; `None` if it has another type.
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
                Some(Value::String(time.format(TIMESTAMP_FORMAT).to_string()))
            }
            (Self::Bytes, Value::String(text)) => (text.len().is_multiple_of(2)
                && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
            .then_some(Value::String(text)),
            _ => None,
        }
    }

    /// SQL that selects a column (quoted name) in its JSON form.
    pub(super) fn select_sql(self, dialect: Dialect, column: &str) -> String {
        match (dialect, self) {
            (Dialect::Postgres, Self::Bytes) => format!("encode({column}, 'hex')"),
            (Dialect::Sqlite, Self::Bytes) => {
                format!("iif({column} IS NULL, NULL, lower(hex({column})))")
            }
            _ => column.to_owned(),
        }
    }

    /// SQL that stores an element of a canonical JSON array.
    pub(super) fn insert_sql(self, dialect: Dialect, array: &str, index: usize) -> String {
        match dialect {
            Dialect::Postgres => {
                let text = format!("({array} ->> {index})");
                match self {
                    Self::Integer => format!("{text}::bigint"),
                    Self::Text => text,
                    Self::Boolean => format!("{text}::boolean"),
                    Self::Timestamp => format!("{text}::timestamp"),
                    Self::Bytes => format!("decode({text}, 'hex')"),
                }
            }
            Dialect::Sqlite => {
                let value = format!("({array} ->> '$[{index}]')");
                match self {
                    Self::Integer | Self::Text | Self::Boolean => value,
                    // In the notation of diesel, so that it compares equal to a bound timestamp.
                    Self::Timestamp => format!(
                        "replace(substr({value}, 1, CASE WHEN {value} LIKE '%.000000' THEN 19 \
                         WHEN {value} LIKE '%000' THEN 23 ELSE 26 END), 'T', ' ')"
                    ),
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
    fn values_of_both_databases_have_the_same_form() {
        let time = json!("2026-03-01T09:00:00.500000");
        let whole = json!("2026-03-01T09:00:00.000000");
        for (column_type, value, form) in [
            (
                ColumnType::Timestamp,
                json!("2026-03-01 09:00:00.500"),
                time.clone(),
            ),
            (ColumnType::Timestamp, json!("2026-03-01T09:00:00.5"), time),
            (ColumnType::Timestamp, json!("2026-03-01 09:00:00"), whole),
            (ColumnType::Boolean, json!(1), json!(true)),
            (ColumnType::Integer, json!(i64::MAX), json!(i64::MAX)),
        ] {
            assert_eq!(column_type.canonical(value), Some(form));
        }
    }

    #[test]
    fn a_value_of_another_type_is_rejected() {
        for (column_type, value) in [
            (ColumnType::Integer, json!("1")),
            (ColumnType::Integer, json!(u64::MAX)),
            (ColumnType::Boolean, json!(2)),
            (ColumnType::Text, json!(1)),
            (ColumnType::Timestamp, json!("yesterday")),
            (ColumnType::Bytes, json!("0")),
            (ColumnType::Bytes, json!("xy")),
            (ColumnType::Text, json!(["a"])),
        ] {
            assert_eq!(
                column_type.canonical(value.clone()),
                None,
                "{column_type:?} {value}"
            );
        }
    }
}
