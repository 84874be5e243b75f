//! Admin resource of lettings.

use diesel::prelude::*;
use oc_core::DbConnection;
use oc_core::admin::{
    Choice, ChoicePage, ChoiceQuery, DeletedRow, Field, FieldKind, Filter, FormValues, Inline,
    ListPage, ListQuery, ListRow, OnDelete, Record, Reference, Resource, SaveError,
    already_restored, combine, ids, required_id, set_filters, validate_all, with_constraint_error,
};
use oc_core::search::lower;
use oc_core::validation::{FieldError, Violation};

use crate::address::Address;
use crate::filter::{self, Joined, LettingFilter, Sort, ids_of_page, matching};
use crate::index;
use crate::letting::{LONGEST_TITLE, Letting, LettingDraft, NewLetting};
use crate::schema::{addresses, lettings};
use crate::town::Town;

use super::address::{self, APP, APP_LABEL};
use super::photo;

/// Label of the address, in the form and in errors.
const ADDRESS: &str = "Address";

/// Pages of at most this many rows are loaded by id; longer ranges are for exports.
const PAGE: i64 = 1_000;

/// Admin resource of lettings.
pub const MODEL: Resource = Resource {
    app: APP,
    app_label: APP_LABEL,
    name: "letting",
    table: "lettings",
    singular: "letting",
    plural: "lettings",
    columns: &["Title", "Street", "City", "State"],
    filters: &[
        Filter {
            parameter: "address__state__exact",
            label: "State",
            choices: |conn| Ok(named(Town::states(conn)?)),
        },
        Filter {
            parameter: "address__city__exact",
            label: "City",
            choices: |conn| Ok(named(Town::all(conn)?)),
        },
    ],
    search_hint: "title, number, street, city, zip code",
    fields: &[
        Field::new(
            "title",
            "Title",
            FieldKind::Text {
                min: 1,
                max: LONGEST_TITLE,
            },
        ),
        Field::new(
            "address",
            ADDRESS,
            FieldKind::Choice {
                of: Some((APP, "address")),
            },
        )
        .help("Only addresses without a letting can be chosen."),
    ],
    inlines: &[Inline {
        field: "address",
        resource: &address::MODEL,
        names: &[
            "address-number",
            "address-street",
            "address-city",
            "address-state",
            "address-zip_code",
            "address-country_iso_code",
        ],
        conflict_message: "Choose an existing address or add a new one, not both.",
    }],
    images: None,
    gallery: Some(photo::GALLERY),
    references: &[Reference::new(
        "lettings.address",
        "lettings",
        "address_id",
        OnDelete::Cascade,
    )],
    save_as: true,
    export_note: "",
    public_path: Some(public_path),
    list,
    load,
    load_all,
    save,
    restore,
    delete: Letting::delete,
    // Deleting a letting keeps its address.
    choices,
    labels,
};

fn named(towns: Vec<Town>) -> Vec<Choice> {
    let choice = |town: Town| Choice::new(&town.name, town.name.clone());
    towns.into_iter().map(choice).collect()
}

fn public_path(object: &Record) -> String {
    format!("/lettings/{}/", object.id)
}

fn list(conn: &mut DbConnection, listing: &ListQuery) -> QueryResult<ListPage> {
    let total = Letting::count(conn)?;
    let Some(filter) = filter(listing) else {
        return Ok(ListPage {
            total,
            ..ListPage::default()
        });
    };
    let hits = index::lettings(conn, &filter.terms)?;
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
    let rows: Vec<(i64, String, String, String, String)> = query
        .select((
            lettings::id,
            lettings::title,
            addresses::street,
            addresses::city,
            addresses::state,
        ))
        .load(conn)?;
    let row = |(id, title, street, city, state)| ListRow {
        id,
        cells: vec![title, street, city, state],
    };
    Ok(ListPage {
        rows: rows.into_iter().map(row).collect(),
        found,
        total,
    })
}

/// Translates the filters of the list; `None` if no letting can match.
fn filter(listing: &ListQuery) -> Option<LettingFilter> {
    let mut filter = LettingFilter {
        terms: listing.terms.clone(),
        ..LettingFilter::default()
    };
    for (parameter, value) in set_filters(listing)? {
        match parameter {
            "address__state__exact" => filter.state = Some(value.to_owned()),
            "address__city__exact" => filter.city = Some(value.to_owned()),
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

fn load(conn: &mut DbConnection, id: i64) -> QueryResult<Option<Record>> {
    Ok(load_all(conn, &[id])?.pop())
}

fn load_all(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<Vec<Record>> {
    let found: Vec<Letting> = Letting::query()
        .filter(lettings::id.eq_any(ids.to_vec()))
        .order(lettings::id)
        .load(conn)?;
    let object = |letting: Letting| Record {
        id: letting.id,
        values: FormValues::default()
            .with("title", &letting.title)
            .with("address", letting.address_id.to_string()),
        title: letting.title,
    };
    Ok(found.into_iter().map(object).collect())
}

fn save(conn: &mut DbConnection, id: Option<i64>, values: &FormValues) -> Result<i64, SaveError> {
    let letting = check(values).map_err(|errors| {
        with_constraint_error(conn, errors, "address", |conn| refusal(conn, id, values))
    })?;
    let Some(id) = id else {
        return Letting::insert(conn, &letting).map_err(refused);
    };
    if Letting::update(conn, id, &letting).map_err(refused)? {
        Ok(id)
    } else {
        Err(SaveError::Missing)
    }
}

fn restore(conn: &mut DbConnection, rows: &[DeletedRow<'_>]) -> Result<(), SaveError> {
    let lettings = validate_all(rows, check)?;
    let ids: Vec<i64> = rows.iter().map(|(id, _)| *id).collect();
    if !load_all(conn, &ids)?.is_empty() {
        return Err(SaveError::Invalid(vec![already_restored("title")]));
    }
    Letting::restore(conn, lettings).map_err(refused)
}

fn choices(conn: &mut DbConnection, wanted: &ChoiceQuery<'_>) -> QueryResult<ChoicePage> {
    if wanted.field != "address" {
        return Ok(ChoicePage::default());
    }
    let (free, found) = Address::free(conn, wanted.row, &wanted.terms, wanted.limit)?;
    Ok(ChoicePage {
        choices: in_one_line(free),
        found,
    })
}

fn labels(conn: &mut DbConnection, field: &str, values: &[String]) -> QueryResult<Vec<Choice>> {
    match field {
        "address" => Ok(in_one_line(Address::find_all(conn, &ids(values))?)),
        _ => Ok(Vec::new()),
    }
}

fn in_one_line(addresses: Vec<Address>) -> Vec<Choice> {
    let choice = |address: Address| Choice::new(address.id, address.in_one_line());
    addresses.into_iter().map(choice).collect()
}

fn check(values: &FormValues) -> Result<NewLetting, Vec<FieldError>> {
    let address = required_id(values, "address", ADDRESS);
    let draft = LettingDraft {
        title: values.text("title").to_owned(),
        address_id: address.as_ref().copied().unwrap_or_default(),
    };
    let (letting, _) = combine(draft.check(), address.map_err(|error| vec![error]))?;
    Ok(letting)
}

const TAKEN: Violation = Violation::Taken("Another letting already has this address.");
const GONE: Violation = Violation::Choice { label: ADDRESS };

/// Why the database would reject the address, if it would.
fn refusal(
    conn: &mut DbConnection,
    own: Option<i64>,
    values: &FormValues,
) -> QueryResult<Option<Violation>> {
    let Ok(address) = required_id(values, "address", ADDRESS) else {
        return Ok(None);
    };
    if Address::find_all(conn, &[address])?.is_empty() {
        return Ok(Some(GONE));
    }
    let holder = lettings::table.filter(lettings::address_id.eq(address));
    let holder: Option<i64> = holder.select(lettings::id).first(conn).optional()?;
    Ok(holder.filter(|id| Some(*id) != own).map(|_| TAKEN))
}

fn refused(error: diesel::result::Error) -> SaveError {
    let of_address = |violation| FieldError {
        field: "address",
        violation,
    };
    SaveError::from_constraint(error, of_address(TAKEN), Some(of_address(GONE)))
}
