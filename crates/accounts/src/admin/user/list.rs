//! The list of users.

use diesel::dsl::{IntoBoxed, exists};
use diesel::prelude::*;
use oc_core::admin::{ListPage, ListQuery, ListRow, flag, set_filters, yes_or_no};
use oc_core::search::{fold, lower};
use oc_core::{Backend, DbConnection};

use crate::schema::{user_groups, users};

type Users<'a> = IntoBoxed<'a, users::table, Backend>;

/// A page of it, by username if nothing else is asked for.
pub(super) fn list(conn: &mut DbConnection, listing: &ListQuery) -> QueryResult<ListPage> {
    let total = users::table.count().get_result(conn)?;
    let (Some(counted), Some(shown)) = (matching(listing), matching(listing)) else {
        return Ok(ListPage {
            total,
            ..ListPage::default()
        });
    };
    let found = counted.count().get_result(conn)?;
    let rows: Vec<(i64, String, String, String, String, bool)> = sorted(shown, &listing.order)
        .offset(listing.offset.max(0))
        .limit(listing.limit.max(0))
        .select((
            users::id,
            users::username,
            users::email,
            users::first_name,
            users::last_name,
            users::is_staff,
        ))
        .load(conn)?;
    let row = |(id, username, email, first_name, last_name, is_staff)| ListRow {
        id,
        cells: vec![username, email, first_name, last_name, yes_or_no(is_staff)],
    };
    Ok(ListPage {
        rows: rows.into_iter().map(row).collect(),
        found,
        total,
    })
}

/// The users that pass; `None` where a filter has a value that it never offered.
fn matching(listing: &ListQuery) -> Option<Users<'static>> {
    let mut query = users::table.into_boxed::<Backend>();
    for pattern in listing.terms.patterns() {
        let text = users::username
            .concat(" ")
            .concat(users::first_name)
            .concat(" ")
            .concat(users::last_name)
            .concat(" ")
            .concat(users::email);
        query = query.filter(fold(text).like(fold(pattern)).escape('\\'));
    }
    for (parameter, value) in set_filters(listing)? {
        query = match parameter {
            "is_staff__exact" => query.filter(users::is_staff.eq(flag(value)?)),
            "is_superuser__exact" => query.filter(users::is_superuser.eq(flag(value)?)),
            "is_active__exact" => query.filter(users::is_active.eq(flag(value)?)),
            "groups__id__exact" => {
                let group_id: i64 = value.parse().ok()?;
                query.filter(exists(
                    user_groups::table
                        .filter(user_groups::user_id.eq(users::id))
                        .filter(user_groups::group_id.eq(group_id)),
                ))
            }
            _ => query,
        };
    }
    Some(query)
}

/// By the columns given, by username where there are none.
fn sorted<'a>(mut query: Users<'a>, order: &[(usize, bool)]) -> Users<'a> {
    let mut backwards = None;
    for (column, reverse) in order {
        query = match (column, reverse) {
            (0, false) => query.then_order_by(lower(users::username).asc()),
            (0, true) => query.then_order_by(lower(users::username).desc()),
            (1, false) => query.then_order_by(lower(users::email).asc()),
            (1, true) => query.then_order_by(lower(users::email).desc()),
            (2, false) => query.then_order_by(lower(users::first_name).asc()),
            (2, true) => query.then_order_by(lower(users::first_name).desc()),
            (3, false) => query.then_order_by(lower(users::last_name).asc()),
            (3, true) => query.then_order_by(lower(users::last_name).desc()),
            (4, false) => query.then_order_by(users::is_staff.asc()),
            (4, true) => query.then_order_by(users::is_staff.desc()),
            _ => continue,
        };
        backwards = Some(*reverse);
    }
    match backwards {
        None => query.order((lower(users::username).asc(), users::id.asc())),
        Some(false) => query.then_order_by(users::id.asc()),
        Some(true) => query.then_order_by(users::id.desc()),
    }
}
