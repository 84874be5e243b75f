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

impl ColumnType {
    /// The canonical form of a value from a database; `None` if SQLite has no such boolean or timestamp. Other types
    /// are enforced by its strict tables.
    pub(super) fn canonical(self, value: Value) -> Option<Value> {
        match (self, value) {
            (Self::Boolean, Value::Number(number)) => match number.as_i64()? {
                0 => Some(Value::Bool(false)),
                1 => Some(Value::Bool(true)),
                _ => None,
            },
            (Self::Timestamp, Value::String(text)) => {
                let time = NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f")
                    .or_else(|_| NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S%.f"))
                    .ok()?;
                Some(Value::String(time.format(TIMESTAMP_FORMAT).to_string()))
            }
            (_, value) => Some(value),
        }
    }

    /// SQL that selects a column (quoted name) in its JSON form.
    pub(super) fn select_sql(self, conn: &DbConnection, column: &str) -> String {
        match (conn, self) {
            (DbConnection::Postgres(_), Self::Bytes) => format!("encode({column}, 'hex')"),
            (DbConnection::Sqlite(_), Self::Bytes) => {
                format!("iif({column} IS NULL, NULL, lower(hex({column})))")
            }
            _ => column.to_owned(),
        }
    }

    /// SQL that stores an element of a canonical JSON array.
    pub(super) fn insert_sql(self, conn: &DbConnection, array: &str, index: usize) -> String {
        match conn {
            DbConnection::Postgres(_) => {
                let text = format!("({array} ->> {index})");
                match self {
                    Self::Integer => format!("{text}::bigint"),
                    Self::Text => text,
                    Self::Boolean => format!("{text}::boolean"),
                    Self::Timestamp => format!("{text}::timestamp"),
                    Self::Bytes => format!("decode({text}, 'hex')"),
                }
            }
            DbConnection::Sqlite(_) => {
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
        assert_eq!(ColumnType::Boolean.canonical(json!(2)), None);
        assert_eq!(ColumnType::Timestamp.canonical(json!("yesterday")), None);
    }
}
