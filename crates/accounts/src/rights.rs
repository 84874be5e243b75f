//! Permissions.

use std::collections::BTreeSet;

use diesel::prelude::*;
use oc_core::DbConnection;

use crate::schema::{group_rights, user_groups, user_rights};
use crate::user::User;

/// What can be done with the rows of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// Make a new one.
    Add,
    /// Change one.
    Change,
    /// Delete one.
    Delete,
    /// Look at one.
    View,
}

impl Verb {
    /// Every verb, in the order of Django's permissions.
    pub const ALL: [Self; 4] = [Self::Add, Self::Change, Self::Delete, Self::View];

    /// The word in a right's code.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Change => "change",
            Self::Delete => "delete",
            Self::View => "view",
        }
    }

    /// The code of this right on a model, such as `lettings.change_letting`.
    #[must_use]
    pub fn on(self, app: &str, model: &str) -> String {
        format!("{app}.{}_{model}", self.word())
    }
}

/// The rights of one user, their own and their groups'.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights {
    every: bool,
    codes: BTreeSet<String>,
}

impl Rights {
    /// What a user may do now: a superuser everything, who is not active or not staff nothing.
    pub fn of(conn: &mut DbConnection, user: &User) -> QueryResult<Self> {
        if !user.is_active || !user.is_staff {
            return Ok(Self::default());
        }
        if user.is_superuser {
            return Ok(Self {
                every: true,
                codes: BTreeSet::new(),
            });
        }
        let own: Vec<String> = user_rights::table
            .filter(user_rights::user_id.eq(user.id))
            .select(user_rights::code)
            .load(conn)?;
        let by_group: Vec<String> = group_rights::table
            .inner_join(user_groups::table.on(user_groups::group_id.eq(group_rights::group_id)))
            .filter(user_groups::user_id.eq(user.id))
            .select(group_rights::code)
            .load(conn)?;
        Ok(Self {
            every: false,
            codes: own.into_iter().chain(by_group).collect(),
        })
    }

    /// Whether this right is among them.
    #[must_use]
    pub fn may(&self, verb: Verb, app: &str, model: &str) -> bool {
        self.every || self.codes.contains(&verb.on(app, model))
    }

    /// Whether a right with this code is among them.
    #[must_use]
    pub fn hold(&self, code: &str) -> bool {
        self.every || self.codes.contains(code)
    }

    /// Whether an account has no right that these lack. Rights count as they are stored, whether the account is
    /// active or not: who changes an account could otherwise come to more than their own.
    pub fn cover(&self, conn: &mut DbConnection, target: &User) -> QueryResult<bool> {
        if self.every || target.is_superuser {
            return Ok(self.every);
        }
        let as_active = User {
            is_active: true,
            is_staff: true,
            ..target.clone()
        };
        let theirs = Self::of(conn, &as_active)?;
        Ok(theirs.codes.iter().all(|code| self.hold(code)))
    }

    /// Whether they are a superuser's.
    #[must_use]
    pub fn are_all(&self) -> bool {
        self.every
    }
}

#[cfg(test)]
mod tests {
    use oc_core::testing::on_both;

    use crate::Group;
    use crate::testing::user;

    use super::*;

    fn find(conn: &mut DbConnection, id: i64) -> QueryResult<User> {
        User::find(conn, id)
    }

    #[test]
    fn rights_come_from_the_user_and_from_groups() -> anyhow::Result<()> {
        on_both(|conn| {
            let id = user(conn, "ada")?;
            User::set_staff(conn, id, true)?;
            User::set_rights(conn, id, &["lettings.view_letting".to_owned()])?;
            let group = Group::insert(conn, &crate::testing::group("editors"))?;
            Group::set_rights(conn, group, &["lettings.change_letting".to_owned()])?;
            User::set_groups(conn, id, &[group])?;

            let user = find(conn, id)?;
            let rights = Rights::of(conn, &user)?;

            assert!(rights.may(Verb::View, "lettings", "letting"));
            assert!(rights.may(Verb::Change, "lettings", "letting"));
            assert!(!rights.may(Verb::Delete, "lettings", "letting"));
            assert!(!rights.are_all());
            Ok(())
        })
    }

    #[test]
    fn rights_cover_an_account_that_has_no_more() -> anyhow::Result<()> {
        on_both(|conn| {
            let id = user(conn, "ada")?;
            User::set_rights(conn, id, &["a.view_a".to_owned()])?;
            let mut ada = find(conn, id)?;
            let rights = |codes: &[&str]| Rights {
                every: false,
                codes: codes.iter().map(|code| (*code).to_owned()).collect(),
            };

            assert!(rights(&["a.view_a", "b.view_b"]).cover(conn, &ada)?);
            assert!(!rights(&["b.view_b"]).cover(conn, &ada)?);
            ada.is_superuser = true;
            assert!(!rights(&["a.view_a"]).cover(conn, &ada)?);
            assert!(
                Rights {
                    every: true,
                    ..Rights::default()
                }
                .cover(conn, &ada)?
            );
            Ok(())
        })
    }

    #[test]
    fn without_staff_status_there_are_none_and_superusers_have_all() -> anyhow::Result<()> {
        on_both(|conn| {
            let id = user(conn, "ada")?;
            User::set_rights(conn, id, &["lettings.view_letting".to_owned()])?;
            let mut user = find(conn, id)?;

            assert_eq!(Rights::of(conn, &user)?, Rights::default());
            user.is_superuser = true;
            assert_eq!(Rights::of(conn, &user)?, Rights::default());
            user.is_staff = true;
            assert!(Rights::of(conn, &user)?.may(Verb::Delete, "auth", "user"));
            user.is_active = false;
            assert_eq!(Rights::of(conn, &user)?, Rights::default());
            Ok(())
        })
    }
}
