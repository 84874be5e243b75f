//! Audit log entries.
//!
//! Entries outlive the users and rows that they describe.

use chrono::{NaiveDateTime, Utc};
use diesel::prelude::*;
use oc_core::{Actor, DbConnection};

use crate::schema::changes;

/// Maximum length of a stored title, in characters; longer titles are truncated.
pub(super) const MAX_TITLE: usize = 512;

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, HasQuery, Identifiable)]
#[diesel(table_name = changes)]
pub struct AuditEntry {
    /// Its id; later entries have larger ids.
    pub id: i64,
    /// Time of the change (UTC).
    pub changed_at: NaiveDateTime,
    /// The user who made the change, if any; the account may be deleted.
    pub user_id: Option<i64>,
    /// The username at that time.
    pub username: String,
    /// Key of the resource, such as `lettings.letting`.
    pub model: String,
    /// Id of the changed row, if any; the row may be deleted.
    pub object_id: Option<i64>,
    /// Display name of the row.
    pub title: String,
    /// `added`, `changed`, `deleted`, …
    pub action: String,
    /// Snapshot of the row before the change; empty if it didn't exist.
    pub before: String,
    /// Snapshot of the row after the change; empty if it no longer exists.
    pub after: String,
    /// Description of the change, for imported entries; otherwise empty.
    #[diesel(column_name = words)]
    pub description: String,
    /// Id of the first entry of its change set, if the set has several entries.
    #[diesel(column_name = act)]
    pub change_set_id: Option<i64>,
    /// Id of the entry whose change caused this one.
    #[diesel(column_name = cause)]
    pub parent_id: Option<i64>,
    /// Network address, for sign-in events; otherwise empty.
    pub address: String,
}

/// An entry to insert.
#[derive(Clone, Copy, Default)]
#[expect(missing_docs, reason = "the fields of an entry")]
pub struct NewAuditEntry<'a> {
    pub actor: Option<Actor<'a>>,
    pub model: &'a str,
    pub object_id: Option<i64>,
    pub title: &'a str,
    pub action: &'a str,
    pub before: &'a str,
    pub after: &'a str,
    pub parent_id: Option<i64>,
    pub address: &'a str,
}

impl AuditEntry {
    /// The entry with this id.
    pub fn find(conn: &mut DbConnection, id: i64) -> QueryResult<Self> {
        Self::query().find(id).first(conn)
    }

    /// The existing entries with these ids.
    pub fn find_all(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<Vec<Self>> {
        Self::query()
            .filter(changes::id.eq_any(ids.to_vec()))
            .load(conn)
    }

    /// The entries of a row, oldest first. Ordered by time, because imported entries have newer ids than dates.
    pub fn for_object(conn: &mut DbConnection, model: &str, id: i64) -> QueryResult<Vec<Self>> {
        Self::query()
            .filter(changes::model.eq(model))
            .filter(changes::object_id.eq(id))
            .order((changes::changed_at, changes::id))
            .load(conn)
    }

    /// The latest entry of a row.
    pub fn last_for_object(
        conn: &mut DbConnection,
        model: &str,
        id: i64,
    ) -> QueryResult<Option<Self>> {
        Self::query()
            .filter(changes::model.eq(model))
            .filter(changes::object_id.eq(id))
            .order((changes::changed_at.desc(), changes::id.desc()))
            .first(conn)
            .optional()
    }

    /// The entries of a change set, oldest first, each followed by its children.
    pub fn in_change_set(conn: &mut DbConnection, id: i64) -> QueryResult<Vec<Self>> {
        let mut entries: Vec<Self> = Self::query().filter(changes::act.eq(id)).load(conn)?;
        entries.sort_by_key(|entry| (entry.parent_id.unwrap_or(entry.id), entry.id));
        Ok(entries)
    }

    /// The children of these entries, oldest first.
    pub fn children_of(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<Vec<Self>> {
        Self::query()
            .filter(changes::cause.eq_any(ids.to_vec()))
            .order(changes::id)
            .load(conn)
    }

    /// The last changes that a user made to rows, newest first.
    pub fn recent(conn: &mut DbConnection, user_id: i64, limit: i64) -> QueryResult<Vec<Self>> {
        Self::query()
            .filter(changes::user_id.eq(user_id))
            .filter(changes::object_id.is_not_null())
            .order((changes::changed_at.desc(), changes::id.desc()))
            .limit(limit)
            .load(conn)
    }
}

/// An entry as stored.
#[derive(Insertable)]
#[diesel(table_name = changes, treat_none_as_default_value = false)]
pub(super) struct EntryRow<'a> {
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

impl NewAuditEntry<'_> {
    /// Inserts an entry that belongs to no change set. Call it in the transaction of the change.
    pub fn insert(&self, conn: &mut DbConnection) -> QueryResult<()> {
        diesel::insert_into(changes::table)
            .values(self.row(None))
            .execute(conn)
            .map(drop)
    }

    pub(super) fn row(&self, change_set_id: Option<i64>) -> EntryRow<'_> {
        EntryRow {
            changed_at: Utc::now().naive_utc(),
            user_id: self.actor.map(|actor| actor.id),
            username: self.actor.map_or("", |actor| actor.username),
            model: self.model,
            object_id: self.object_id,
            title: self.title.chars().take(MAX_TITLE).collect(),
            action: self.action,
            before: self.before,
            after: self.after,
            act: change_set_id,
            cause: self.parent_id,
            address: self.address,
        }
    }
}

#[cfg(test)]
mod tests {
    use oc_core::locks::lock;
    use oc_core::testing::on_both;

    use crate::fixtures::ADA;

    use super::*;

    #[test]
    fn entries_outlive_the_user_and_the_row() -> anyhow::Result<()> {
        on_both(|conn| {
            let long = "t".repeat(600);
            let new = NewAuditEntry {
                actor: Some(ADA),
                model: "lettings.letting",
                object_id: Some(7),
                title: &long,
                action: "deleted",
                before: "{}",
                ..NewAuditEntry::default()
            };
            conn.write(|conn| {
                lock(conn, "lettings.letting", 7)?;
                new.insert(conn)
            })?;
            for object_id in [Some(8), None] {
                NewAuditEntry { object_id, ..new }.insert(conn)?;
            }

            let of_seven = AuditEntry::for_object(conn, "lettings.letting", 7)?;

            assert_eq!(of_seven.len(), 1);
            assert_eq!(
                (of_seven[0].username.as_str(), of_seven[0].title.len()),
                ("ada", 512)
            );
            assert_eq!(AuditEntry::find(conn, of_seven[0].id)?, of_seven[0]);
            let last = AuditEntry::last_for_object(conn, "lettings.letting", 7)?;
            assert_eq!(last.as_ref(), of_seven.last());
            let recent = AuditEntry::recent(conn, ADA.id, 10)?;
            assert_eq!(
                recent.iter().map(|c| c.object_id).collect::<Vec<_>>(),
                [Some(8), Some(7)]
            );
            Ok(())
        })
    }
}
