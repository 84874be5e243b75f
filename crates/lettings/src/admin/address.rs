//! Admin resource of addresses.

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use oc_core::admin::{
    Choice, DeletedRow, Field, Filter, FormValues, ListPage, ListQuery, Record, Resource,
    SaveError, then_order, validate_all,
};
use oc_core::search::lower;
use oc_core::{DbConnection, MAX_COUNT};

use crate::address::{
    Address, AddressDraft, COUNTRY, Joined, LARGEST_NUMBER, LARGEST_ZIP_CODE, LONGEST, STATE,
    matching,
};
use crate::filter::town_total;
use crate::schema::{addresses, lettings};
use crate::search::{self, Hits};
use crate::town::Town;

/// The app in URLs and permissions.
pub(super) const APP: &str = "lettings";
/// The label of the app.
pub(super) const APP_LABEL: &str = "Lettings";

/// Admin resource of addresses.
pub const MODEL: Resource = Resource {
    app: APP,
    app_label: APP_LABEL,
    name: "address",
    table: "addresses",
    singular: "address",
    plural: "addresses",
    columns: &["Address", "City", "State", "Zip code", "Letting"],
    filters: &[
        Filter {
            parameter: "state__exact",
            label: "State",
            choices: |conn| Ok(named(Address::states(conn)?)),
        },
        Filter {
            parameter: "city__exact",
            label: "City",
            choices: |conn| Ok(named(Address::cities(conn)?)),
        },
    ],
    search_hint: "number, street, city, state, zip code, title of the letting",
    fields: &[
        Field::whole("number", "Number", 0, LARGEST_NUMBER),
        Field::text("street", "Street", 1, LONGEST).question(question),
        Field::text("city", "City", 1, LONGEST)
            .suggestions(Town::cities)
            .bulk_edit(),
        Field::text("state", "State", STATE, STATE)
            .help("Two letters, such as CA.")
            .bulk_edit(),
        Field::whole("zip_code", "Zip code", 0, LARGEST_ZIP_CODE),
        Field::text("country_iso_code", "Country iso code", COUNTRY, COUNTRY)
            .help("Three letters, such as USA.")
            .bulk_edit(),
    ],
    inlines: &[],
    images: None,
    gallery: None,
    references: &[],
    save_as: false,
    actions: &[],
    export_note: "",
    public_page: None,
    list,
    load_all,
    save,
    restore,
    delete: Address::delete,
    choices: None,
    labels: None,
};

pub(super) fn named(names: Vec<String>) -> Vec<Choice> {
    let choice = |name: String| Choice::new(&name, name.clone());
    names.into_iter().map(choice).collect()
}

fn list(conn: &mut DbConnection, listing: &ListQuery) -> QueryResult<ListPage> {
    let total = town_total(conn, "addresses", None, None)?;
    let filter = |name| {
        let mut filters = listing.filters.iter();
        let found = filters.find(|(parameter, _)| *parameter == name);
        found.map(|(_, value)| value.as_str())
    };
    let (city, state) = (filter("city__exact"), filter("state__exact"));
    let hits = search::addresses(conn, &listing.terms)?;
    let filtered = || {
        let mut query = matching(&listing.terms, &hits);
        if let Some(city) = city {
            query = query.filter(addresses::city.eq(city));
        }
        if let Some(state) = state {
            query = query.filter(addresses::state.eq(state));
        }
        query
    };
    let found = match &hits {
        Hits::All => town_total(conn, "addresses", city, state)?,
        Hits::Many if listing.filters.is_empty() => MAX_COUNT + 1,
        _ => {
            let matches = filtered().select(addresses::id);
            let ids: Vec<i64> = matches.limit(MAX_COUNT + 1).load(conn)?;
            i64::try_from(ids.len()).unwrap_or(i64::MAX)
        }
    };
    let rows: Vec<(Address, Option<String>)> = sorted(filtered(), listing)
        .offset(listing.offset)
        .limit(listing.limit)
        .select((Address::as_select(), lettings::title.nullable()))
        .load(conn)?;
    let row = |(address, letting): (Address, Option<String>)| {
        let (line, zip) = (address.line(), address.zip());
        let letting = letting.unwrap_or_default();
        (
            address.id,
            vec![line, address.city, address.state, zip, letting],
        )
    };
    Ok(ListPage::new(found, total, rows, row))
}

diesel::define_sql_function! {
    /// The first value that is present.
    fn coalesce(text: Nullable<Text>, otherwise: Text) -> Text;
}

/// Sorts by the columns, an address by its street first.
fn sorted<'a>(query: Joined<'a>, listing: &ListQuery) -> Joined<'a> {
    let letting = || lower(coalesce(lettings::title.nullable(), ""));
    listing.sort(
        query,
        addresses::id,
        |query, column, descending| match column {
            0 => {
                let by_street = then_order(query, lower(addresses::street), descending);
                then_order(by_street, addresses::number, descending)
            }
            1 => then_order(query, lower(addresses::city), descending),
            2 => then_order(query, lower(addresses::state), descending),
            3 => then_order(query, addresses::zip_code, descending),
            _ => then_order(query, letting(), descending),
        },
    )
}

fn load_all(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<Vec<Record>> {
    let addresses = Address::find_all(conn, ids)?.into_iter();
    Ok(addresses.map(object).collect())
}

fn object(address: Address) -> Record {
    Record {
        id: address.id,
        title: address.line(),
        values: FormValues::default()
            .with("number", address.number.to_string())
            .with("zip_code", address.zip())
            .with("street", address.street)
            .with("city", address.city)
            .with("state", address.state)
            .with("country_iso_code", address.country_iso_code),
    }
}

fn draft(values: &FormValues) -> AddressDraft {
    let text = |name| values.text(name).to_owned();
    AddressDraft {
        number: text("number"),
        street: text("street"),
        city: text("city"),
        state: text("state"),
        zip_code: text("zip_code"),
        country_iso_code: text("country_iso_code"),
    }
}

fn save(conn: &mut DbConnection, id: Option<i64>, values: &FormValues) -> Result<i64, SaveError> {
    let address = draft(values).check()?.with_known_city(conn, id)?;
    match id {
        None => Ok(Address::insert(conn, &address)?),
        Some(id) if Address::update(conn, id, &address)? => Ok(id),
        Some(_) => Err(SaveError::Missing),
    }
}

fn question(conn: &mut DbConnection, id: i64, values: &FormValues) -> QueryResult<Option<String>> {
    let Ok(address) = draft(values).check() else {
        return Ok(None);
    };
    let is_duplicate = Address::is_duplicate(conn, id, &address)?;
    Ok(is_duplicate.then(|| "This address already exists. Save again to keep both.".to_owned()))
}

/// The address with these values, if there is one: if possible one that a letting can have.
pub(super) fn find(
    conn: &mut DbConnection,
    letting: Option<i64>,
    values: &FormValues,
) -> QueryResult<Option<i64>> {
    match draft(values).check() {
        Ok(address) => Address::find_same(conn, letting, &address),
        Err(_) => Ok(None),
    }
}

fn restore(conn: &mut DbConnection, rows: &[DeletedRow<'_>]) -> Result<(), SaveError> {
    let addresses = validate_all(rows, |values| draft(values).check())?;
    Ok(Address::restore(conn, addresses)?)
}
