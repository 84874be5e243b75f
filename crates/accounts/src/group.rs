//! Groups: permissions shared by several users.

use std::collections::BTreeSet;

use diesel::prelude::*;
use oc_core::DbConnection;
use oc_core::validation::{Checker, FieldError};

use crate::permissions::BATCH;
use crate::schema::{group_rights, groups, user_groups};
use crate::session::Session;

/// Maximum length of a name, in characters.
pub(crate) const LONGEST_NAME: usize = 150;

/// A group of users.
#[derive(Debug, Clone, PartialEq, Eq, HasQuery, Identifiable)]
#[diesel(table_name = groups)]
pub struct Group {
    /// Its id.
    pub id: i64,
    /// Unique.
    pub name: String,
}

impl Group {
    /// All groups, by name.
    pub fn all(conn: &mut DbConnection) -> QueryResult<Vec<Self>> {
        Self::query().order(groups::name).load(conn)
    }

    /// The existing groups with these ids, by name.
    pub(crate) fn find_all(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<Vec<Self>> {
        Self::query()
            .filter(groups::id.eq_any(ids.to_vec()))
            .order(groups::name)
            .load(conn)
    }

    /// The group with this name.
    pub(crate) fn find_by_name(conn: &mut DbConnection, name: &str) -> QueryResult<Self> {
        Self::query().filter(groups::name.eq(name)).first(conn)
    }

    /// Inserts a group and returns its id.
    pub fn insert(conn: &mut DbConnection, group: &NewGroup) -> QueryResult<i64> {
        diesel::insert_into(groups::table)
            .values(group)
            .returning(groups::id)
            .get_result(conn)
    }

    /// Inserts a deleted or imported group with its id.
    pub fn restore(conn: &mut DbConnection, id: i64, group: &NewGroup) -> QueryResult<()> {
        diesel::insert_into(groups::table)
            .values((groups::id.eq(id), group))
            .execute(conn)
            .map(drop)
    }

    /// Renames a group; false if it doesn't exist.
    pub(crate) fn update(conn: &mut DbConnection, id: i64, group: &NewGroup) -> QueryResult<bool> {
        let update = diesel::update(groups::table.find(id)).set(group);
        Ok(update.execute(conn)? == 1)
    }

    /// Deletes groups. Their users lose the permissions of these groups.
    pub(crate) fn delete(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<()> {
        Self::renew_sessions(conn, ids)?;
        diesel::delete(groups::table.filter(groups::id.eq_any(ids.to_vec()))).execute(conn)?;
        Ok(())
    }

    fn renew_sessions(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<()> {
        let members = user_groups::table.filter(user_groups::group_id.eq_any(ids.to_vec()));
        let members: Vec<i64> = members.select(user_groups::user_id).load(conn)?;
        Session::renew_all(conn, &members)
    }

    /// The codes of a group's permissions, in order.
    pub fn permissions(conn: &mut DbConnection, id: i64) -> QueryResult<Vec<String>> {
        let codes = Self::permissions_of(conn, &[id])?;
        Ok(codes.into_iter().map(|(_, code)| code).collect())
    }

    /// The permissions of several groups, as pairs of (group id, code) in order.
    pub(crate) fn permissions_of(
        conn: &mut DbConnection,
        ids: &[i64],
    ) -> QueryResult<Vec<(i64, String)>> {
        group_rights::table
            .filter(group_rights::group_id.eq_any(ids.to_vec()))
            .select((group_rights::group_id, group_rights::code))
            .order((group_rights::group_id, group_rights::code))
            .load(conn)
    }

    /// The permissions of several groups, as pairs of (code, name of the group), by name.
    pub(crate) fn inherited_permissions(
        conn: &mut DbConnection,
        ids: &[i64],
    ) -> QueryResult<Vec<(String, String)>> {
        group_rights::table
            .inner_join(groups::table)
            .filter(groups::id.eq_any(ids.to_vec()))
            .select((group_rights::code, groups::name))
            .order((groups::name, group_rights::code))
            .load(conn)
    }

    /// Gives a group exactly these permissions. Requires a transaction.
    pub fn set_permissions(conn: &mut DbConnection, id: i64, codes: &[String]) -> QueryResult<()> {
        let wanted: BTreeSet<&String> = codes.iter().collect();
        if wanted == Self::permissions(conn, id)?.iter().collect() {
            return Ok(());
        }
        Self::renew_sessions(conn, &[id])?;
        diesel::delete(group_rights::table.filter(group_rights::group_id.eq(id))).execute(conn)?;
        let row = |code| (group_rights::group_id.eq(id), group_rights::code.eq(code));
        let rows: Vec<_> = wanted.into_iter().map(row).collect();
        for batch in rows.chunks(BATCH) {
            conn.insert_rows(diesel::insert_into(group_rights::table).values(batch))?;
        }
        Ok(())
    }
}

/// Unvalidated group.
#[derive(Debug, Clone, Default)]
pub struct GroupDraft {
    /// Its name.
    pub name: String,
}

/// A valid group; only [`GroupDraft::check`] creates it.
#[derive(Debug, Clone, PartialEq, Eq, Insertable, AsChangeset)]
#[diesel(table_name = groups, treat_none_as_default_value = false)]
pub struct NewGroup {
    name: String,
}

impl GroupDraft {
    /// Validates the draft; the only way to get a [`NewGroup`].
    pub fn check(&self) -> Result<NewGroup, Vec<FieldError>> {
        let mut checker = Checker::default();
        let name = checker.text("name", "Name", &self.name, 1, LONGEST_NAME);
        checker.finish(NewGroup { name })
    }
}

#[cfg(test)]
mod tests {
    use diesel::result::{DatabaseErrorKind, Error};
    use oc_core::testing::on_both;

    use crate::testing::group;

    use super::*;

    #[test]
    fn permissions_of_a_group_are_deleted_with_it() -> anyhow::Result<()> {
        on_both(|conn| {
            let id = Group::insert(conn, &group("editors"))?;
            Group::set_permissions(conn, id, &["b.view_b".to_owned(), "a.view_a".to_owned()])?;
            Group::set_permissions(conn, id, &["c.view_c".to_owned(), "a.view_a".to_owned()])?;

            assert_eq!(Group::permissions(conn, id)?, ["a.view_a", "c.view_c"]);
            assert!(Group::update(conn, id, &group("authors"))?);
            assert_eq!(Group::all(conn)?[0].name, "authors");
            Group::delete(conn, &[id])?;
            assert!(Group::permissions(conn, id)?.is_empty() && Group::all(conn)?.is_empty());
            Ok(())
        })
    }

    #[test]
    fn names_are_unique() -> anyhow::Result<()> {
        on_both(|conn| {
            Group::insert(conn, &group("editors"))?;

            assert!(matches!(
                Group::insert(conn, &group("editors")),
                Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _))
            ));
            Ok(())
        })
    }
}
