//! The list of lettings.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer};
use oc_core::DbConnection;
use oc_core::admin::{ListPage, ListQuery, text_or_empty, then_order};
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
    let filter = filter(listing);
    let hits = filter::hits(conn, &filter)?;
    let found = filter::count(conn, &filter, &hits)?;
    let mut query = sorted(matching(&filter, &hits), listing);
    let (offset, limit) = (listing.offset, listing.limit);
    if listing.order.is_empty() && limit <= PAGE {
        let page = (found, offset, limit);
        let ids = ids_of_page(conn, (&filter, &hits), Sort::NEWEST, page)?;
        query = query.filter(lettings::id.eq_any(ids));
    } else {
        query = query.offset(offset).limit(limit);
    }
    let rows: Vec<(Letting, Address)> = query
        .select((Letting::as_select(), Address::as_select()))
        .load(conn)?;
    let row = |(letting, address): (Letting, Address)| {
        let per = letting.price_per;
        let price = letting.price_from.map(|price| format!("{price} a {per}"));
        let cells = vec![
            letting.title,
            address.line(),
            address.city,
            address.state,
            label(STATUSES, &letting.status).to_owned(),
            text_or_empty(letting.sleeps),
            text_or_empty(price),
            text_or_empty(letting.host_id),
        ];
        (letting.id, cells)
    };
    Ok(ListPage::new(found, total, rows, row))
}

fn for_staff() -> LettingFilter {
    LettingFilter {
        audience: Audience::Staff,
        ..LettingFilter::default()
    }
}

/// Translates the filters of the list.
fn filter(listing: &ListQuery) -> LettingFilter {
    let mut filter = LettingFilter {
        terms: listing.terms.clone(),
        ..for_staff()
    };
    for (parameter, value) in &listing.filters {
        let value = Some(value.clone());
        match *parameter {
            "address__state__exact" => filter.state = value,
            "address__city__exact" => filter.city = value,
            "status__exact" => filter.status = value,
            "kind__exact" => filter.kind = value,
            "missing" => filter.missing = value,
            _ => {}
        }
    }
    filter
}

fn sorted<'a>(query: Joined<'a>, listing: &ListQuery) -> Joined<'a> {
    let sleeps = || sql::<Integer>("coalesce(lettings.sleeps, 0)");
    let host = || sql::<BigInt>("coalesce(lettings.host_id, 0)");
    listing.sort(
        query,
        lettings::id,
        |query, column, descending| match column {
            0 => then_order(query, lower(lettings::title), descending),
            1 => then_order(query, lower(addresses::street), descending),
            2 => then_order(query, lower(addresses::city), descending),
            3 => then_order(query, lower(addresses::state), descending),
            4 => then_order(query, lettings::status, descending),
            5 => then_order(query, sleeps(), descending),
            6 => then_order(query, weekly_price(0), descending),
            _ => then_order(query, host(), descending),
        },
    )
}
