//! Tests of the admin resources.

mod address;
mod letting;

use diesel::prelude::*;
use oc_core::DbConnection;
use oc_core::admin::{FormValues, ListPage, ListQuery, Resource};
use oc_core::search::SearchTerms;

use super::{ADDRESS, LETTING};

fn address_values(number: &str, street: &str, city: &str, state: &str) -> FormValues {
    FormValues::default()
        .with("number", number)
        .with("street", street)
        .with("city", city)
        .with("state", state)
        .with("zip_code", "02134")
        .with("country_iso_code", "USA")
}

fn letting_values(title: &str, address: &str) -> FormValues {
    LETTING
        .defaults()
        .with("title", title)
        .with("address", address)
}

fn address(conn: &mut DbConnection, number: &str, street: &str) -> anyhow::Result<i64> {
    let values = address_values(number, street, "Brea", "CA");
    Ok((ADDRESS.save)(conn, None, &values)?)
}

fn letting(conn: &mut DbConnection, title: &str, address: i64) -> anyhow::Result<i64> {
    let values = letting_values(title, &address.to_string());
    Ok((LETTING.save)(conn, None, &values)?)
}

fn refusal(
    conn: &mut DbConnection,
    model: &Resource,
    id: Option<i64>,
    values: &FormValues,
) -> String {
    conn.write(|conn| (model.save)(conn, id, values))
        .expect_err("it breaks a rule")
        .to_string()
}

fn list(conn: &mut DbConnection, model: &Resource, listing: ListQuery) -> QueryResult<ListPage> {
    let listing = ListQuery {
        limit: 100,
        ..listing
    };
    (model.list)(conn, &listing)
}

/// The first column of a list, separated by commas.
fn names(conn: &mut DbConnection, model: &Resource, listing: ListQuery) -> QueryResult<String> {
    let list = list(conn, model, listing)?;
    assert_eq!(usize::try_from(list.found), Ok(list.rows.len()));
    let names: Vec<&str> = list.rows.iter().map(|row| &*row.cells[0]).collect();
    Ok(names.join(", "))
}

fn by(order: &[(usize, bool)]) -> ListQuery {
    ListQuery {
        order: order.to_vec(),
        ..ListQuery::default()
    }
}

fn with(parameter: &'static str, value: &str) -> ListQuery {
    ListQuery {
        filters: vec![(parameter, value.to_owned())],
        ..ListQuery::default()
    }
}

fn search(words: &str) -> ListQuery {
    ListQuery {
        terms: SearchTerms::parse(words),
        ..ListQuery::default()
    }
}

/// Three lettings in three cities, and an address without a letting.
fn some(conn: &mut DbConnection) -> anyhow::Result<()> {
    for (title, number, street, city, state) in [
        ("beta", "7", "Pier Road", "Orange", "CA"),
        ("Alpha", "12", "Gull Lane", "Orange", "TX"),
        ("gamma", "3", "gull lane", "Reno", "NV"),
        ("", "1", "Free Street", "Boise", "ID"),
    ] {
        let values = address_values(number, street, city, state);
        let address = (ADDRESS.save)(conn, None, &values)?;
        if !title.is_empty() {
            letting(conn, title, address)?;
        }
    }
    Ok(())
}
