//! Change sets: audit log entries of one action.

use diesel::prelude::*;
use oc_core::DbConnection;

use crate::NewAuditEntry;
use crate::entry::EntryContext;
use crate::schema::changes;

/// Inserts the entries of one action, all within one transaction. A set of several entries is identified by the id of
/// its first entry.
#[derive(Debug)]
pub struct ChangeSet {
    has_several: bool,
    id: Option<i64>,
}

impl ChangeSet {
    /// A set of `size` entries.
    pub fn new(size: usize) -> Self {
        Self {
            has_several: size > 1,
            id: None,
        }
    }

    /// For entries that are independent of each other.
    pub fn none() -> Self {
        Self::new(1)
    }

    /// Inserts an entry and returns its id. `parent_id` is the entry of the change that caused this one.
    pub fn insert(
        &mut self,
        conn: &mut DbConnection,
        new: &NewAuditEntry<'_>,
        parent_id: Option<i64>,
    ) -> QueryResult<i64> {
        let context = EntryContext {
            change_set_id: self.id,
            parent_id,
            ..EntryContext::default()
        };
        let id = new.insert(conn, context)?;
        if self.has_several && self.id.is_none() {
            diesel::update(changes::table.find(id))
                .set(changes::act.eq(id))
                .execute(conn)?;
            self.id = Some(id);
        }
        Ok(id)
    }

    /// Inserts up to a few hundred entries with their parents in one statement and returns their ids in order.
    pub fn insert_all(
        &mut self,
        conn: &mut DbConnection,
        new: &[(NewAuditEntry<'_>, Option<i64>)],
    ) -> QueryResult<Vec<i64>> {
        let mut ids = Vec::new();
        let mut rest = new;
        if self.id.is_none()
            && let Some(((first, parent_id), others)) = new.split_first()
        {
            ids.push(self.insert(conn, first, *parent_id)?);
            rest = others;
        }
        if rest.is_empty() {
            return Ok(ids);
        }
        let mut rows = Vec::new();
        for (new, parent_id) in rest {
            rows.push(new.row(EntryContext {
                change_set_id: self.id,
                parent_id: *parent_id,
                ..EntryContext::default()
            }));
        }
        let insert = diesel::insert_into(changes::table)
            .values(&rows)
            .returning(changes::id);
        let mut inserted: Vec<i64> = match conn {
            DbConnection::Postgres(conn) => insert.get_results(conn)?,
            DbConnection::Sqlite(conn) => insert.get_results(conn)?,
        };
        // Both databases assign ids in the order of the rows, but may return them in another.
        inserted.sort_unstable();
        ids.extend(inserted);
        Ok(ids)
    }
}

#[cfg(test)]
mod tests {
    use oc_core::testing::on_both;

    use crate::AuditEntry;

    use super::*;

    fn new(title: &str) -> NewAuditEntry<'_> {
        NewAuditEntry {
            actor: None,
            model: "lettings.address",
            object_id: Some(1),
            title,
            action: "deleted",
            before: "",
            after: "",
        }
    }

    #[test]
    fn bulk_inserted_entries_read_like_single_ones() -> anyhow::Result<()> {
        on_both(|conn| {
            let mut change_set = ChangeSet::new(4);

            let rows =
                change_set.insert_all(conn, &[(new("first"), None), (new("second"), None)])?;
            let children = [
                (new("of second"), Some(rows[1])),
                (new("of first"), Some(rows[0])),
            ];
            let children = change_set.insert_all(conn, &children)?;
            let single = ChangeSet::new(1).insert_all(conn, &[(new("single"), None)])?;

            let all = AuditEntry::in_change_set(conn, rows[0])?;
            let titles: Vec<&str> = all.iter().map(|entry| entry.title.as_str()).collect();
            assert_eq!(titles, ["first", "of first", "second", "of second"]);
            assert_eq!(AuditEntry::find(conn, children[0])?.title, "of second");
            assert_eq!(AuditEntry::find(conn, single[0])?.change_set_id, None);
            Ok(())
        })
    }

    #[test]
    fn a_change_set_contains_its_entries_and_their_children() -> anyhow::Result<()> {
        on_both(|conn| {
            let mut change_set = ChangeSet::new(3);
            let first = change_set.insert(conn, &new("first"), None)?;
            change_set.insert(conn, &new("child"), Some(first))?;
            change_set.insert(conn, &new("second"), None)?;
            let other = ChangeSet::new(1).insert(conn, &new("other"), None)?;
            assert_eq!(AuditEntry::find(conn, other)?.change_set_id, None);
            let titles = |entries: Vec<AuditEntry>| entries.into_iter().map(|entry| entry.title);

            let all = titles(AuditEntry::in_change_set(conn, first)?).collect::<Vec<_>>();
            let children = titles(AuditEntry::children_of(conn, &[first])?).collect::<Vec<_>>();

            assert_eq!(all, ["first", "child", "second"]);
            assert_eq!(children, ["child"]);
            Ok(())
        })
    }
}
