//! Groups and permissions of a user.

use std::collections::BTreeSet;

use diesel::prelude::*;
use oc_core::DbConnection;

use crate::schema::{user_groups, user_rights};
use crate::session::Session;
use crate::user::User;

impl User {
    /// The ids of the groups that an account is in.
    pub fn groups(conn: &mut DbConnection, id: i64) -> QueryResult<Vec<i64>> {
        user_groups::table
            .filter(user_groups::user_id.eq(id))
            .select(user_groups::group_id)
            .order(user_groups::group_id)
            .load(conn)
    }

    /// The accounts and the groups that they are in, of these accounts.
    pub fn groups_of(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<Vec<(i64, i64)>> {
        user_groups::table
            .filter(user_groups::user_id.eq_any(ids.to_vec()))
            .select((user_groups::user_id, user_groups::group_id))
            .order((user_groups::user_id, user_groups::group_id))
            .load(conn)
    }

    /// The accounts and the codes of their own rights, of these accounts.
    pub fn rights_of(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<Vec<(i64, String)>> {
        user_rights::table
            .filter(user_rights::user_id.eq_any(ids.to_vec()))
            .select((user_rights::user_id, user_rights::code))
            .order((user_rights::user_id, user_rights::code))
            .load(conn)
    }

    /// Puts an account into just these groups. Requires a transaction.
    pub fn set_groups(conn: &mut DbConnection, id: i64, groups: &[i64]) -> QueryResult<()> {
        let wanted: BTreeSet<i64> = groups.iter().copied().collect();
        let held: BTreeSet<i64> = Self::groups(conn, id)?.into_iter().collect();
        if wanted == held {
            return Ok(());
        }
        Session::renew_all(conn, &[id])?;
        // What stays is not touched: to write it again, it would have to wait for who deletes the group.
        diesel::delete(
            user_groups::table
                .filter(user_groups::user_id.eq(id))
                .filter(user_groups::group_id.ne_all(groups.to_vec())),
        )
        .execute(conn)?;
        for group in wanted.difference(&held) {
            diesel::insert_into(user_groups::table)
                .values((user_groups::user_id.eq(id), user_groups::group_id.eq(group)))
                .execute(conn)?;
        }
        Ok(())
    }

    /// The codes of an account's own rights, in order.
    pub fn rights(conn: &mut DbConnection, id: i64) -> QueryResult<Vec<String>> {
        user_rights::table
            .filter(user_rights::user_id.eq(id))
            .select(user_rights::code)
            .order(user_rights::code)
            .load(conn)
    }

    /// Gives an account just these rights of its own. Requires a transaction.
    pub fn set_rights(conn: &mut DbConnection, id: i64, codes: &[String]) -> QueryResult<()> {
        let wanted: BTreeSet<&String> = codes.iter().collect();
        if wanted == Self::rights(conn, id)?.iter().collect() {
            return Ok(());
        }
        Session::renew_all(conn, &[id])?;
        diesel::delete(user_rights::table.filter(user_rights::user_id.eq(id))).execute(conn)?;
        for code in codes {
            diesel::insert_into(user_rights::table)
                .values((user_rights::user_id.eq(id), user_rights::code.eq(code)))
                .execute(conn)?;
        }
        Ok(())
    }
}
