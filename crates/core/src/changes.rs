//! The record of changes: who did what to which row, and what it held before and after.
//!
//! It outlives what it tells of. What rows held is kept as the caller writes it.

use chrono::{NaiveDateTime, Utc};
use diesel::prelude::*;

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
    /// What was done, in a sentence, where the line was brought from elsewhere; else empty.
    pub words: String,
    /// The first line of everything that was done at one go, if that was more than this.
    pub act: Option<i64>,
    /// The line of the row that took this one along.
    pub cause: Option<i64>,
    /// Where somebody came from, of what happened at the door; else empty.
    pub address: String,
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
        new.insert(conn, Place::default()).map(drop)
    }

    /// Adds lines that tell of one thing each. Call it in the write that they tell of.
    pub fn insert_all(conn: &mut DbConnection, new: &[NewChange<'_>]) -> QueryResult<()> {
        let place = Place::default();
        let lines: Vec<Line<'_>> = new.iter().map(|new| new.line(place)).collect();
        let insert = diesel::insert_into(changes::table).values(&lines);
        match conn {
            DbConnection::Postgres(conn) => insert.execute(conn)?,
            DbConnection::Sqlite(conn) => insert.execute(conn)?,
        };
        Ok(())
    }

    /// One line.
    pub fn find(conn: &mut DbConnection, id: i64) -> QueryResult<Self> {
        Self::query().find(id).first(conn)
    }

    /// The lines of these ids, as far as they are there.
    pub fn find_all(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<Vec<Self>> {
        Self::query()
            .filter(changes::id.eq_any(ids.to_vec()))
            .load(conn)
    }

    /// Everything about a row, the oldest first. Lines that were brought from elsewhere may be older than their ids.
    pub fn of_object(conn: &mut DbConnection, model: &str, id: i64) -> QueryResult<Vec<Self>> {
        Self::query()
            .filter(changes::model.eq(model))
            .filter(changes::object_id.eq(id))
            .order((changes::changed_at, changes::id))
            .load(conn)
    }

    /// Every line of an act, the oldest first; after each those of the rows that it took along.
    pub fn of_act(conn: &mut DbConnection, act: i64) -> QueryResult<Vec<Self>> {
        let mut lines: Vec<Self> = Self::query().filter(changes::act.eq(act)).load(conn)?;
        lines.sort_by_key(|line| (line.cause.unwrap_or(line.id), line.id));
        Ok(lines)
    }

    /// The lines of the rows that the row of a line took along, the oldest first.
    pub fn along(conn: &mut DbConnection, line: i64) -> QueryResult<Vec<Self>> {
        Self::all_along(conn, &[line])
    }

    /// The same for several lines; each tells by its cause where it belongs.
    pub fn all_along(conn: &mut DbConnection, lines: &[i64]) -> QueryResult<Vec<Self>> {
        Self::query()
            .filter(changes::cause.eq_any(lines.to_vec()))
            .order(changes::id)
            .load(conn)
    }

    /// What a user did last to rows of some kind, the newest first.
    pub fn recent(conn: &mut DbConnection, user_id: i64, limit: i64) -> QueryResult<Vec<Self>> {
        Self::query()
            .filter(changes::user_id.eq(user_id))
            .filter(changes::object_id.is_not_null())
            .order((changes::changed_at.desc(), changes::id.desc()))
            .limit(limit)
            .load(conn)
    }
}

/// Where a line stands: in which act, by which cause, from which address.
#[derive(Default, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) act: Option<i64>,
    pub(crate) cause: Option<i64>,
    pub(crate) address: &'a str,
}

/// A line as it is stored.
#[derive(Insertable)]
#[diesel(table_name = changes, treat_none_as_default_value = false)]
pub(crate) struct Line<'a> {
    changed_at: NaiveDateTime,
    user_id: Option<i64>,
    username: &'a str,
    model: &'a str,
    object_id: Option<i64>,
    title: String,
    action: &'a str,
    before: &'a str,
    after: &'a str,
    act: Option<i64>,
    cause: Option<i64>,
    address: &'a str,
}

impl<'a> NewChange<'a> {
    /// Adds the line, and says its id.
    pub(crate) fn insert(&self, conn: &mut DbConnection, place: Place<'_>) -> QueryResult<i64> {
        diesel::insert_into(changes::table)
            .values(self.line(place))
            .returning(changes::id)
            .get_result(conn)
    }

    pub(crate) fn line<'b>(&self, place: Place<'b>) -> Line<'b>
    where
        'a: 'b,
    {
        Line {
            changed_at: Utc::now().naive_utc(),
            user_id: self.user.map(|user| user.id),
            username: self.user.map_or("", |user| &user.username),
            model: self.model,
            object_id: self.object_id,
            title: self.title.chars().take(LONGEST_TITLE).collect(),
            action: self.action,
            before: self.before,
            after: self.after,
            act: place.act,
            cause: place.cause,
            address: place.address,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locks::lock;
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
