//! The list of lettings.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer};
use oc_core::DbConnection;
use oc_core::admin::{ListPage, ListQuery, ListRow, set_filters};
use oc_core::search::lower;

use crate::address::Address;
use crate::facts::{STATUSES, label};
use crate::filter::{
    self, Audience, Joined, LettingFilter, Sort, ids_of_page, matching, weekly_price,
};
use crate::letting::Letting;
use crate::schema::{addresses, lettings};
use crate::search::Hits;

/// Pages of at most this many rows are loaded by id; longer ranges are for exports.
const PAGE: i64 = 1_000;

pub(super) fn list(conn: &mut DbConnection, listing: &ListQuery) -> QueryResult<ListPage> {
    let total = filter::count(conn, &for_staff(), &Hits::All)?;
    let Some(filter) = filter(listing) else {
        return Ok(ListPage {
            total,
            ..ListPage::default()
        });
    };
    let hits = filter::hits(conn, &filter)?;
    let found = filter::count(conn, &filter, &hits)?;
    let mut query = sorted(matching(&filter, &hits), &listing.order);
    let (offset, limit) = (listing.offset.max(0), listing.limit.max(0));
    if listing.order.is_empty() && limit <= PAGE {
        let page = (found, offset, limit);
        let ids = ids_of_page(conn, (&filter, &hits), Sort::IdReversed, page)?;
        query = query.filter(lettings::id.eq_any(ids));
    } else {
        query = query.offset(offset).limit(limit);
    }
    let rows: Vec<(Letting, Address)> = query
        .select((Letting::as_select(), Address::as_select()))
        .load(conn)?;
    let row = |(letting, address): (Letting, Address)| {
        let text =
            |number: Option<i32>| number.map_or_else(String::new, |number| number.to_string());
        ListRow {
            id: letting.id,
            cells: vec![
                letting.title,
                address.line(),
                address.city,
                address.state,
                label(STATUSES, &letting.status).to_owned(),
                text(letting.sleeps),
                letting.price_from.map_or_else(String::new, |price| {
                    format!("{price} a {}", letting.price_per)
                }),
                letting
                    .host_id
                    .map_or_else(String::new, |host| host.to_string()),
            ],
        }
    };
    Ok(ListPage {
        rows: rows.into_iter().map(row).collect(),
        found,
        total,
    })
}

fn for_staff() -> LettingFilter {
    LettingFilter {
        audience: Audience::Staff,
        ..LettingFilter::default()
    }
}

/// Translates the filters of the list; `None` if no letting can match.
fn filter(listing: &ListQuery) -> Option<LettingFilter> {
    let mut filter = LettingFilter {
        terms: listing.terms.clone(),
        ..for_staff()
    };
    for (parameter, value) in set_filters(listing)? {
        match parameter {
            "address__state__exact" => filter.state = Some(value.to_owned()),
            "address__city__exact" => filter.city = Some(value.to_owned()),
            "status__exact" => filter.status = Some(value.to_owned()),
            "kind__exact" => filter.kind = Some(value.to_owned()),
            "missing" => filter.missing = Some(value.to_owned()),
            _ => {}
        }
    }
    Some(filter)
}

/// Sorts by the given columns; newest first by default.
fn sorted<'a>(mut query: Joined<'a>, order: &[(usize, bool)]) -> Joined<'a> {
    let mut newest_first = true;
    for (column, reverse) in order {
        query = match (column, reverse) {
            (0, false) => query.then_order_by(lower(lettings::title).asc()),
            (0, true) => query.then_order_by(lower(lettings::title).desc()),
            (1, false) => query.then_order_by(lower(addresses::street).asc()),
            (1, true) => query.then_order_by(lower(addresses::street).desc()),
            (2, false) => query.then_order_by(lower(addresses::city).asc()),
            (2, true) => query.then_order_by(lower(addresses::city).desc()),
            (3, false) => query.then_order_by(lower(addresses::state).asc()),
            (3, true) => query.then_order_by(lower(addresses::state).desc()),
            (4, false) => query.then_order_by(lettings::status.asc()),
            (4, true) => query.then_order_by(lettings::status.desc()),
            (5, false) => query.then_order_by(sql::<Integer>("coalesce(lettings.sleeps, 0)").asc()),
            (5, true) => query.then_order_by(sql::<Integer>("coalesce(lettings.sleeps, 0)").desc()),
            (6, false) => query.then_order_by(weekly_price(0).asc()),
            (6, true) => query.then_order_by(weekly_price(0).desc()),
            (7, false) => query.then_order_by(sql::<BigInt>("coalesce(lettings.host_id, 0)").asc()),
            (7, true) => query.then_order_by(sql::<BigInt>("coalesce(lettings.host_id, 0)").desc()),
            _ => continue,
        };
        newest_first = *reverse;
    }
    if newest_first {
        query.then_order_by(lettings::id.desc())
    } else {
        query.then_order_by(lettings::id.asc())
    }
}
