//! The record of changes: who did what to which row, and what it held before and after.
//!
//! It outlives what it tells of. What rows held is kept as the caller writes it.

use chrono::{NaiveDateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::accounts::User;
use crate::connection::DbConnection;
use crate::schema::changes;

/// The longest title that is kept (characters); a longer one is cut.
const LONGEST_TITLE: usize = 512;

/// One line of the record.
#[derive(Debug, Clone, PartialEq, Eq, HasQuery, Identifiable)]
#[diesel(table_name = changes)]
pub struct Change {
    /// Its id; later ones are larger.
    pub id: i64,
    /// When it happened (UTC).
    pub changed_at: NaiveDateTime,
    /// Who did it, if somebody did; the account may be gone.
    pub user_id: Option<i64>,
    /// What they were called then.
    pub username: String,
    /// The kind of row, such as `lettings.letting`.
    pub model: String,
    /// The row, if it is about one; it may be gone.
    pub object_id: Option<i64>,
    /// What the row was called.
    pub title: String,
    /// What was done, in a word: `added`, `changed`, `deleted`, …
    pub action: String,
    /// What the row held before, empty where there was none.
    pub before: String,
    /// What it held after, empty where there is none.
    pub after: String,
}

/// A line to be added to the record.
#[derive(Clone, Copy)]
pub struct NewChange<'a> {
    /// Who did it.
    pub user: Option<&'a User>,
    /// The kind of row.
    pub model: &'a str,
    /// The row.
    pub object_id: Option<i64>,
    /// What it is called.
    pub title: &'a str,
    /// What was done.
    pub action: &'a str,
    /// What the row held before.
    pub before: &'a str,
    /// What it holds now.
    pub after: &'a str,
}

impl Change {
    /// Adds a line. Call it in the write that it tells of, so that neither is there without the other.
    pub fn insert(conn: &mut DbConnection, new: &NewChange<'_>) -> QueryResult<()> {
        let title: String = new.title.chars().take(LONGEST_TITLE).collect();
        diesel::insert_into(changes::table)
            .values((
                changes::changed_at.eq(Utc::now().naive_utc()),
                changes::user_id.eq(new.user.map(|user| user.id)),
                changes::username.eq(new.user.map_or("", |user| &user.username)),
                changes::model.eq(new.model),
                changes::object_id.eq(new.object_id),
                changes::title.eq(title),
                changes::action.eq(new.action),
                changes::before.eq(new.before),
                changes::after.eq(new.after),
            ))
            .execute(conn)?;
        Ok(())
    }

    /// One line.
    pub fn find(conn: &mut DbConnection, id: i64) -> QueryResult<Self> {
        Self::query().find(id).first(conn)
    }

    /// Everything about a row, the oldest first.
    pub fn of_object(conn: &mut DbConnection, model: &str, id: i64) -> QueryResult<Vec<Self>> {
        Self::query()
            .filter(changes::model.eq(model))
            .filter(changes::object_id.eq(id))
            .order(changes::id)
            .load(conn)
    }

    /// What a user did last to rows of some kind, the newest first.
    pub fn recent(conn: &mut DbConnection, user_id: i64, limit: i64) -> QueryResult<Vec<Self>> {
        Self::query()
            .filter(changes::user_id.eq(user_id))
            .filter(changes::object_id.is_not_null())
            .order(changes::id.desc())
            .limit(limit)
            .load(conn)
    }
}

/// Keeps every other write to a row waiting until this one is done. Call it within a write.
///
/// SQLite has but one writer at a time; on PostgreSQL it is an advisory lock for the transaction.
pub fn lock(conn: &mut DbConnection, model: &str, id: i64) -> QueryResult<()> {
    if let DbConnection::Postgres(postgres) = conn {
        let key = model.bytes().fold(id, |key, byte| {
            key.wrapping_mul(31).wrapping_add(byte.into())
        });
        diesel::sql_query("SELECT pg_advisory_xact_lock($1)")
            .bind::<BigInt, _>(key)
            .execute(postgres)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{on_both, user};

    #[test]
    fn the_record_outlives_the_user_and_the_row() -> anyhow::Result<()> {
        on_both(|conn| {
            let id = user(conn, "ada")?;
            let ada = User::find(conn, id)?;
            let long = "t".repeat(600);
            let new = NewChange {
                user: Some(&ada),
                model: "lettings.letting",
                object_id: Some(7),
                title: &long,
                action: "deleted",
                before: "{}",
                after: "",
            };
            conn.write(|conn| {
                lock(conn, "lettings.letting", 7)?;
                Change::insert(conn, &new)
            })?;
            Change::insert(
                conn,
                &NewChange {
                    object_id: Some(8),
                    title: "other",
                    ..new
                },
            )?;
            Change::insert(
                conn,
                &NewChange {
                    object_id: None,
                    title: "login",
                    ..new
                },
            )?;

            let of_seven = Change::of_object(conn, "lettings.letting", 7)?;

            assert_eq!(of_seven.len(), 1);
            assert_eq!(
                (of_seven[0].username.as_str(), of_seven[0].title.len()),
                ("ada", 512)
            );
            assert_eq!(Change::find(conn, of_seven[0].id)?, of_seven[0]);
            let recent = Change::recent(conn, id, 10)?;
            assert_eq!(
                recent.iter().map(|c| c.object_id).collect::<Vec<_>>(),
                [Some(8), Some(7)]
            );
            Ok(())
        })
    }
}
