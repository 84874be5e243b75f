//! Admin list of users.

use diesel::dsl::{IntoBoxed, exists};
use diesel::prelude::*;
use oc_core::admin::{
    ListPage, ListQuery, ListRow, parse_flag, set_filters, then_order, yes_or_no,
};
use oc_core::search::{fold, lower};
use oc_core::{Backend, DbConnection};

use crate::schema::{user_groups, users};

type Users = IntoBoxed<'static, users::table, Backend>;

/// A page of the list, by username unless sorted otherwise.
pub(super) fn list(conn: &mut DbConnection, query: &ListQuery) -> QueryResult<ListPage> {
    let total = users::table.count().get_result(conn)?;
    let (Some(counted), Some(rows)) = (matching(query), matching(query)) else {
        return Ok(ListPage {
            total,
            ..ListPage::default()
        });
    };
    let found = counted.count().get_result(conn)?;
    let rows: Vec<(i64, String, String, String, String, bool)> = sorted(rows, &query.order)
        .offset(query.offset.max(0))
        .limit(query.limit.max(0))
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

/// The users that match search and filters; `None` if a filter has an invalid value.
fn matching(query: &ListQuery) -> Option<Users> {
    let mut matching = users::table.into_boxed::<Backend>();
    for pattern in query.terms.patterns() {
        let text = users::username
            .concat(" ")
            .concat(users::first_name)
            .concat(" ")
            .concat(users::last_name)
            .concat(" ")
            .concat(users::email);
        matching = matching.filter(fold(text).like(pattern).escape('\\'));
    }
    for (parameter, value) in set_filters(query)? {
        matching = match parameter {
            "is_staff__exact" => matching.filter(users::is_staff.eq(parse_flag(value)?)),
            "is_superuser__exact" => matching.filter(users::is_superuser.eq(parse_flag(value)?)),
            "is_active__exact" => matching.filter(users::is_active.eq(parse_flag(value)?)),
            "groups__id__exact" => {
                let group_id: i64 = value.parse().ok()?;
                let memberships = user_groups::table.filter(user_groups::user_id.eq(users::id));
                matching.filter(exists(
                    memberships.filter(user_groups::group_id.eq(group_id)),
                ))
            }
            _ => matching,
        };
    }
    Some(matching)
}

fn sorted(mut query: Users, order: &[(usize, bool)]) -> Users {
    for (column, descending) in order.iter().copied().chain([(0, false)]) {
        query = match column {
            0 => then_order(query, lower(users::username), descending),
            1 => then_order(query, lower(users::email), descending),
            2 => then_order(query, lower(users::first_name), descending),
            3 => then_order(query, lower(users::last_name), descending),
            _ => then_order(query, users::is_staff, descending),
        };
    }
    query.then_order_by(users::id.asc())
}
