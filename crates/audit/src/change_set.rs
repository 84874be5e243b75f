//! Change sets: audit log entries of one action.

use diesel::prelude::*;
use oc_core::DbConnection;

use crate::NewAuditEntry;
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

    /// Inserts up to a few hundred entries in one statement and returns their ids in order.
    pub fn insert(
        &mut self,
        conn: &mut DbConnection,
        new: &[NewAuditEntry<'_>],
    ) -> QueryResult<Vec<i64>> {
        let rows: Vec<_> = new.iter().map(|new| new.row(self.id)).collect();
        let insert = diesel::insert_into(changes::table)
            .values(&rows)
            .returning(changes::id);
        let mut ids: Vec<i64> = match conn {
            DbConnection::Postgres(conn) => insert.get_results(conn)?,
            DbConnection::Sqlite(conn) => insert.get_results(conn)?,
        };
        // Both databases assign ids in the order of the rows, but may return them in another.
        ids.sort_unstable();
        if self.has_several && self.id.is_none() {
            self.id = ids.first().copied();
            diesel::update(changes::table.filter(changes::id.eq_any(ids.clone())))
                .set(changes::act.eq(self.id))
                .execute(conn)?;
        }
        Ok(ids)
    }
}

#[cfg(test)]
mod tests {
    use oc_core::testing::on_both;

    use crate::AuditEntry;

    use super::*;

    fn new(title: &str, parent_id: Option<i64>) -> NewAuditEntry<'_> {
        NewAuditEntry {
            model: "lettings.address",
            object_id: Some(1),
            title,
            action: "deleted",
            parent_id,
            ..NewAuditEntry::default()
        }
    }

    #[test]
    fn a_change_set_contains_its_entries_and_their_children() -> anyhow::Result<()> {
        on_both(|conn| {
            let mut change_set = ChangeSet::new(4);
            let titles = |entries: Vec<AuditEntry>| -> Vec<String> {
                entries.into_iter().map(|entry| entry.title).collect()
            };

            assert_eq!(change_set.insert(conn, &[])?, []);
            let rows = change_set.insert(conn, &[new("first", None), new("second", None)])?;
            let children = [
                new("of second", Some(rows[1])),
                new("of first", Some(rows[0])),
            ];
            let children = change_set.insert(conn, &children)?;
            let single = ChangeSet::none().insert(conn, &[new("single", None)])?;

            let all = AuditEntry::in_change_set(conn, rows[0])?;
            assert_eq!(titles(all), ["first", "of first", "second", "of second"]);
            let of_first = AuditEntry::children_of(conn, &rows[..1])?;
            assert_eq!(titles(of_first), ["of first"]);
            assert_eq!(AuditEntry::find(conn, children[0])?.title, "of second");
            assert_eq!(AuditEntry::find(conn, single[0])?.change_set_id, None);
            Ok(())
        })
    }
}
