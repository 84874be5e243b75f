//! Permissions, and the groups and permissions of a user.

use std::collections::BTreeSet;

use diesel::prelude::*;
use oc_core::DbConnection;

use crate::schema::{group_rights, user_groups, user_rights};
use crate::session::Session;
use crate::user::User;

/// Rows that one statement inserts: databases limit its parameters.
pub(crate) const BATCH: usize = 500;

/// An action on rows of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// Insert a row.
    Add,
    /// Update a row.
    Change,
    /// Delete a row.
    Delete,
    /// View a row.
    View,
}

impl Verb {
    /// All actions, in the order of Django's permissions.
    pub const ALL: [Self; 4] = [Self::Add, Self::Change, Self::Delete, Self::View];

    /// The action in the code of a permission.
    pub fn word(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Change => "change",
            Self::Delete => "delete",
            Self::View => "view",
        }
    }

    /// The code of the permission, such as `lettings.change_letting`.
    pub fn on(self, app: &str, model: &str) -> String {
        format!("{app}.{}_{model}", self.word())
    }
}

/// The permissions of a user, their own and those of their groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permissions {
    every: bool,
    codes: BTreeSet<String>,
}

impl Permissions {
    /// The effective permissions: all for a superuser, none for an inactive user or one without staff status.
    pub fn for_user(conn: &mut DbConnection, user: &User) -> QueryResult<Self> {
        if user.can_log_in() {
            Self::stored(conn, user)
        } else {
            Ok(Self::default())
        }
    }

    /// The permissions as stored, whether or not the user is active.
    fn stored(conn: &mut DbConnection, user: &User) -> QueryResult<Self> {
        if user.is_superuser {
            return Ok(Self {
                every: true,
                codes: BTreeSet::new(),
            });
        }
        let by_group: Vec<String> = group_rights::table
            .inner_join(user_groups::table.on(user_groups::group_id.eq(group_rights::group_id)))
            .filter(user_groups::user_id.eq(user.id))
            .select(group_rights::code)
            .load(conn)?;
        let own = User::permissions(conn, user.id)?;
        Ok(Self {
            every: false,
            codes: own.into_iter().chain(by_group).collect(),
        })
    }

    /// Whether an action on a resource is permitted.
    pub fn may(&self, verb: Verb, app: &str, model: &str) -> bool {
        self.has(&verb.on(app, model))
    }

    /// Whether they include the permission with this code.
    pub fn has(&self, code: &str) -> bool {
        self.every || self.codes.contains(code)
    }

    /// Whether they include all stored permissions of a user, active or not: changing an inactive user must not be a
    /// way to more permissions.
    pub fn cover(&self, conn: &mut DbConnection, user: &User) -> QueryResult<bool> {
        if self.every {
            return Ok(true);
        }
        let theirs = Self::stored(conn, user)?;
        Ok(!theirs.every && theirs.codes.is_subset(&self.codes))
    }

    /// Whether they are a superuser's.
    pub fn are_all(&self) -> bool {
        self.every
    }
}

impl User {
    /// The ids of a user's groups, in order.
    pub fn groups(conn: &mut DbConnection, id: i64) -> QueryResult<Vec<i64>> {
        let groups = Self::groups_of(conn, &[id])?;
        Ok(groups.into_iter().map(|(_, group)| group).collect())
    }

    /// The groups of several users, as pairs of (user id, group id) in order.
    pub(crate) fn groups_of(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<Vec<(i64, i64)>> {
        user_groups::table
            .filter(user_groups::user_id.eq_any(ids.to_vec()))
            .select((user_groups::user_id, user_groups::group_id))
            .order((user_groups::user_id, user_groups::group_id))
            .load(conn)
    }

    /// Puts a user into exactly these groups. Requires a transaction.
    pub fn set_groups(conn: &mut DbConnection, id: i64, groups: &[i64]) -> QueryResult<()> {
        let wanted: BTreeSet<i64> = groups.iter().copied().collect();
        let stored: BTreeSet<i64> = Self::groups(conn, id)?.into_iter().collect();
        if wanted == stored {
            return Ok(());
        }
        Session::renew_all(conn, &[id])?;
        // Unchanged rows are not touched: inserting them again would wait for a transaction that deletes their group.
        let removed = user_groups::table
            .filter(user_groups::user_id.eq(id))
            .filter(user_groups::group_id.ne_all(groups.to_vec()));
        diesel::delete(removed).execute(conn)?;
        let row = |group| (user_groups::user_id.eq(id), user_groups::group_id.eq(group));
        let rows: Vec<_> = wanted.difference(&stored).map(row).collect();
        for batch in rows.chunks(BATCH) {
            conn.insert_rows(diesel::insert_into(user_groups::table).values(batch))?;
        }
        Ok(())
    }

    /// The codes of a user's own permissions, in order.
    pub fn permissions(conn: &mut DbConnection, id: i64) -> QueryResult<Vec<String>> {
        let codes = Self::permissions_of(conn, &[id])?;
        Ok(codes.into_iter().map(|(_, code)| code).collect())
    }

    /// The own permissions of several users, as pairs of (user id, code) in order.
    pub(crate) fn permissions_of(
        conn: &mut DbConnection,
        ids: &[i64],
    ) -> QueryResult<Vec<(i64, String)>> {
        user_rights::table
            .filter(user_rights::user_id.eq_any(ids.to_vec()))
            .select((user_rights::user_id, user_rights::code))
            .order((user_rights::user_id, user_rights::code))
            .load(conn)
    }

    /// Gives a user exactly these permissions. Requires a transaction.
    pub fn set_permissions(conn: &mut DbConnection, id: i64, codes: &[String]) -> QueryResult<()> {
        let wanted: BTreeSet<&String> = codes.iter().collect();
        if wanted == Self::permissions(conn, id)?.iter().collect() {
            return Ok(());
        }
        Session::renew_all(conn, &[id])?;
        diesel::delete(user_rights::table.filter(user_rights::user_id.eq(id))).execute(conn)?;
        let row = |code| (user_rights::user_id.eq(id), user_rights::code.eq(code));
        let rows: Vec<_> = wanted.into_iter().map(row).collect();
        for batch in rows.chunks(BATCH) {
            conn.insert_rows(diesel::insert_into(user_rights::table).values(batch))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use oc_core::testing::on_both;

    use crate::Group;
    use crate::testing::user;

    use super::*;

    #[test]
    fn permissions_come_from_the_user_and_from_groups() -> anyhow::Result<()> {
        on_both(|conn| {
            let id = user(conn, "ada")?;
            User::set_staff(conn, id, true)?;
            User::set_permissions(conn, id, &["lettings.view_letting".to_owned()])?;
            let group = Group::insert(conn, &crate::testing::group("editors"))?;
            Group::set_permissions(conn, group, &["lettings.change_letting".to_owned()])?;
            User::set_groups(conn, id, &[group])?;

            let user = User::find(conn, id)?;
            let permissions = Permissions::for_user(conn, &user)?;

            assert!(permissions.may(Verb::View, "lettings", "letting"));
            assert!(permissions.may(Verb::Change, "lettings", "letting"));
            assert!(!permissions.may(Verb::Delete, "lettings", "letting"));
            assert!(!permissions.are_all());
            Ok(())
        })
    }

    #[test]
    fn permissions_cover_a_user_who_has_no_more() -> anyhow::Result<()> {
        on_both(|conn| {
            let id = user(conn, "ada")?;
            User::set_permissions(conn, id, &["a.view_a".to_owned()])?;
            let mut ada = User::find(conn, id)?;
            let permissions = |codes: &[&str]| Permissions {
                every: false,
                codes: codes.iter().map(|code| (*code).to_owned()).collect(),
            };

            assert!(permissions(&["a.view_a", "b.view_b"]).cover(conn, &ada)?);
            assert!(!permissions(&["b.view_b"]).cover(conn, &ada)?);
            ada.is_superuser = true;
            assert!(!permissions(&["a.view_a"]).cover(conn, &ada)?);
            assert!(
                Permissions {
                    every: true,
                    ..Permissions::default()
                }
                .cover(conn, &ada)?
            );
            Ok(())
        })
    }

    #[test]
    fn users_without_staff_status_have_none_and_superusers_have_all() -> anyhow::Result<()> {
        on_both(|conn| {
            let id = user(conn, "ada")?;
            User::set_permissions(conn, id, &["lettings.view_letting".to_owned()])?;
            let mut user = User::find(conn, id)?;

            assert_eq!(Permissions::for_user(conn, &user)?, Permissions::default());
            user.is_superuser = true;
            assert_eq!(Permissions::for_user(conn, &user)?, Permissions::default());
            user.is_staff = true;
            assert!(Permissions::for_user(conn, &user)?.may(Verb::Delete, "auth", "user"));
            user.is_active = false;
            assert_eq!(Permissions::for_user(conn, &user)?, Permissions::default());
            Ok(())
        })
    }
}
