//! Admin list of users.

use diesel::dsl::{IntoBoxed, exists};
use diesel::prelude::*;
use oc_core::admin::{ListPage, ListQuery, parse_flag, then_order, yes_or_no};
use oc_core::search::{fold, lower};
use oc_core::{Backend, DbConnection};

use crate::schema::{user_groups, users};

type Users = IntoBoxed<'static, users::table, Backend>;

/// A page of the list, by username unless sorted otherwise.
pub(super) fn list(conn: &mut DbConnection, query: &ListQuery) -> QueryResult<ListPage> {
    let total = users::table.count().get_result(conn)?;
    let found = matching(query).count().get_result(conn)?;
    let rows: Vec<(i64, String, String, String, String, bool)> =
        sorted(matching(query), &query.order)
            .offset(query.offset)
            .limit(query.limit)
            .select((
                users::id,
                users::username,
                users::email,
                users::first_name,
                users::last_name,
                users::is_staff,
            ))
            .load(conn)?;
    let row = |(id, username, email, first_name, last_name, is_staff)| {
        let is_staff = yes_or_no(is_staff);
        (id, vec![username, email, first_name, last_name, is_staff])
    };
    Ok(ListPage::new(found, total, rows, row))
}

/// The users that match search and filters.
fn matching(query: &ListQuery) -> Users {
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
    for (parameter, value) in &query.filters {
        let flag = parse_flag(value);
        matching = match *parameter {
            "is_staff__exact" => matching.filter(users::is_staff.nullable().eq(flag)),
            "is_superuser__exact" => matching.filter(users::is_superuser.nullable().eq(flag)),
            "is_active__exact" => matching.filter(users::is_active.nullable().eq(flag)),
            "groups__id__exact" => {
                let group_id = value.parse::<i64>().ok();
                let memberships = user_groups::table
                    .filter(user_groups::user_id.eq(users::id))
                    .filter(user_groups::group_id.nullable().eq(group_id));
                matching.filter(exists(memberships))
            }
            _ => matching,
        };
    }
    matching
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
