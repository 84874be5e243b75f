//! Admin list of profiles.

use diesel::prelude::*;
use oc_core::DbConnection;
use oc_core::admin::{ListPage, ListQuery, parse_flag, then_order, yes_or_no};
use oc_core::search::lower;

use crate::profile::{self, Joined, PublicProfile};
use crate::schema::{profiles, users};

/// A page of the list; newest first by default.
pub(super) fn list(conn: &mut DbConnection, listing: &ListQuery) -> QueryResult<ListPage> {
    let total = PublicProfile::count(conn)?;
    let found = matching(listing).count().get_result(conn)?;
    let rows: Vec<(i64, String, String, bool)> = sorted(matching(listing), listing)
        .offset(listing.offset)
        .limit(listing.limit)
        .select((
            profiles::id,
            users::username,
            profiles::favorite_city,
            profiles::show_email,
        ))
        .load(conn)?;
    let row = |(id, username, city, show_email)| (id, vec![username, city, yes_or_no(show_email)]);
    Ok(ListPage::new(found, total, rows, row))
}

/// Profiles that match the filters.
fn matching(listing: &ListQuery) -> Joined<'_> {
    let mut query = profile::matching(&listing.terms);
    for (parameter, value) in &listing.filters {
        if *parameter == "show_email__exact" {
            query = query.filter(profiles::show_email.nullable().eq(parse_flag(value)));
        }
    }
    query
}

fn sorted<'a>(query: Joined<'a>, listing: &ListQuery) -> Joined<'a> {
    listing.sort(
        query,
        profiles::id,
        |query, column, descending| match column {
            0 => then_order(query, lower(users::username), descending),
            1 => then_order(query, lower(profiles::favorite_city), descending),
            _ => then_order(query, profiles::show_email, descending),
        },
    )
}
