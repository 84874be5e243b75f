//! Admin resource of lettings.

use diesel::connection::Connection;
use diesel::prelude::*;
use diesel::result::Error as DatabaseError;
use oc_core::DbConnection;
use oc_core::admin::{
    BulkAction, Choice, ChoicePage, ChoiceQuery, DeletedRow, FieldKind, Filter, FormValues, Inline,
    OnDelete, PublicPage, Record, Reference, Resource, SaveError, combine, id_in, ids, optional_id,
    required_id, text_or_empty, validate_all, with_constraint_error,
};
use oc_core::validation::{FieldError, FixedChoices, Violation};

use crate::address::Address;
use crate::facts::{ARCHIVED, KINDS, PUBLISHED, STATUSES, halves};
use crate::letting::Letting;
use crate::letting_draft::{LettingDraft, NewLetting};
use crate::schema::{letting_photos, lettings};
use crate::town::Town;

use super::address::{self, APP, APP_LABEL};
use super::letting_fields::{ADDRESS, FIELDS, HOST};
use super::letting_list::list;
use super::photo;

/// The resource of hosts.
const HOSTS: &str = "profiles.profile";

/// Values of the filter “Missing”.
const MISSING: FixedChoices = &[
    ("description", "Description"),
    ("price", "Price"),
    ("photo", "Photo"),
];

/// Admin resource of lettings.
pub const MODEL: Resource = Resource {
    app: APP,
    app_label: APP_LABEL,
    name: "letting",
    table: "lettings",
    singular: "letting",
    plural: "lettings",
    columns: &[
        "Title",
        "Street",
        "City",
        "State",
        "Status",
        "Sleeps",
        "Price from",
        HOST,
    ],
    filters: &[
        Filter {
            parameter: "address__state__exact",
            label: "State",
            choices: |conn| Ok(address::named(Town::states(conn)?)),
        },
        Filter {
            parameter: "address__city__exact",
            label: "City",
            choices: |conn| Ok(address::named(Town::cities(conn)?)),
        },
        Filter {
            parameter: "status__exact",
            label: "Status",
            choices: |_| Ok(FieldKind::OneOf(STATUSES).fixed_choices()),
        },
        Filter {
            parameter: "kind__exact",
            label: "Type",
            choices: |_| Ok(FieldKind::OneOf(&KINDS[1..]).fixed_choices()),
        },
        Filter {
            parameter: "missing",
            label: "Missing",
            choices: |_| Ok(FieldKind::OneOf(MISSING).fixed_choices()),
        },
    ],
    search_hint: "title, number, street, city, zip code",
    fields: FIELDS,
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
        taken_hint: "If several lettings share a building, add the unit to the street, such as “Palm Road, Apt 2”.",
        find: address::find,
    }],
    images: None,
    gallery: Some(photo::GALLERY),
    references: &[
        Reference::new(
            "lettings.address",
            "lettings",
            "address_id",
            OnDelete::Cascade,
        ),
        Reference::new(HOSTS, "lettings", "host_id", OnDelete::Unlink),
    ],
    save_as: true,
    actions: &[
        BulkAction {
            name: "publish_selected",
            label: "Publish selected",
            done: "Published",
            values: &[("status", PUBLISHED)],
        },
        BulkAction {
            name: "archive_selected",
            label: "Archive selected",
            done: "Archived",
            values: &[("status", ARCHIVED)],
        },
    ],
    export_note: "",
    public_page: Some(PublicPage {
        path,
        has_preview: true,
        missing,
    }),
    list,
    load_all,
    save,
    restore,
    delete: Letting::delete,
    choices: Some(choices),
    labels: Some(|conn, values| Ok(in_one_line(Address::find_all(conn, &ids(values))?))),
};

fn path(object: &Record) -> Option<String> {
    let is_public = object.values.text("status") == PUBLISHED;
    is_public.then(|| format!("/lettings/{}/", object.id))
}

/// What would help visitors to choose a letting.
fn missing(conn: &mut DbConnection, letting: &Record) -> QueryResult<Vec<String>> {
    let facts = [
        ("summary", "a summary"),
        ("description", "a description"),
        ("kind", "a type"),
        ("sleeps", "the number of guests"),
        ("price_from", "a price"),
    ];
    let blank = facts
        .iter()
        .filter(|(field, _)| letting.values.text(field).is_empty());
    let mut missing: Vec<String> = blank.map(|(_, name)| (*name).to_owned()).collect();
    let descriptions: Vec<String> = letting_photos::table
        .filter(letting_photos::letting_id.eq(letting.id))
        .select(letting_photos::alt)
        .load(conn)?;
    match descriptions.iter().filter(|text| text.is_empty()).count() {
        _ if descriptions.is_empty() => missing.push("photos".to_owned()),
        0 => {}
        1 => missing.push("1 photo description".to_owned()),
        count => missing.push(format!("{count} photo descriptions")),
    }
    Ok(missing)
}

fn load_all(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<Vec<Record>> {
    let found: Vec<Letting> = Letting::query()
        .filter(lettings::id.eq_any(ids.to_vec()))
        .order(lettings::id)
        .load(conn)?;
    let object = |letting: Letting| Record {
        id: letting.id,
        title: letting.title.clone(),
        values: values(letting),
    };
    Ok(found.into_iter().map(object).collect())
}

fn values(letting: Letting) -> FormValues {
    let features = letting.features.split_whitespace().map(str::to_owned);
    FormValues::default()
        .with("status", letting.status)
        .with("title", letting.title)
        .with("summary", letting.summary)
        .with("description", letting.description)
        .with("kind", letting.kind)
        .with("sleeps", text_or_empty(letting.sleeps))
        .with("bedrooms", text_or_empty(letting.bedrooms))
        .with(
            "bathrooms",
            text_or_empty(letting.half_bathrooms.map(halves)),
        )
        .with("min_nights", text_or_empty(letting.min_nights))
        .with("pets", letting.pets)
        .with("permit", letting.permit)
        .with("price_from", text_or_empty(letting.price_from))
        .with("price_per", letting.price_per)
        .with_list("features", features.collect())
        .with("address", letting.address_id.to_string())
        .with_yes("address_shown", letting.address_shown)
        .with("host", text_or_empty(letting.host_id))
}

fn draft(values: &FormValues) -> LettingDraft {
    let text = |name| values.text(name).to_owned();
    LettingDraft {
        title: text("title"),
        address_id: id_in(values, "address").unwrap_or_default(),
        status: text("status"),
        summary: text("summary"),
        description: text("description"),
        kind: text("kind"),
        sleeps: text("sleeps"),
        bedrooms: text("bedrooms"),
        bathrooms: text("bathrooms"),
        price_from: text("price_from"),
        price_per: text("price_per"),
        min_nights: text("min_nights"),
        pets: text("pets"),
        features: values.list("features").to_vec(),
        permit: text("permit"),
        host_id: id_in(values, "host"),
        address_shown: values.is_yes("address_shown"),
    }
}

fn save(conn: &mut DbConnection, id: Option<i64>, values: &FormValues) -> Result<i64, SaveError> {
    let letting = check(values).map_err(|errors| {
        with_constraint_error(conn, errors, "address", |conn| refusal(conn, id, values))
    })?;
    let address = [id_in(values, "address").unwrap_or_default()];
    // A savepoint, because PostgreSQL runs no further query after an error.
    let saved = conn.transaction(|conn| match id {
        None => Letting::insert(conn, &letting).map(Some),
        Some(id) => Ok(Letting::update(conn, id, &letting)?.then_some(id)),
    });
    match saved {
        Ok(id) => id.ok_or(SaveError::Missing),
        Err(error) => Err(refused(conn, error, &address)),
    }
}

fn restore(conn: &mut DbConnection, rows: &[DeletedRow<'_>]) -> Result<(), SaveError> {
    let lettings = validate_all(rows, check)?;
    let addresses: Vec<i64> = rows
        .iter()
        .filter_map(|(_, values)| id_in(values, "address"))
        .collect();
    conn.transaction(|conn| Letting::restore(conn, lettings))
        .map_err(|error| refused(conn, error, &addresses))
}

fn choices(conn: &mut DbConnection, wanted: &ChoiceQuery<'_>) -> QueryResult<ChoicePage> {
    let (free, found) = Address::free(conn, wanted.row, &wanted.terms, wanted.limit)?;
    Ok(ChoicePage {
        choices: in_one_line(free),
        found,
    })
}

fn in_one_line(addresses: Vec<Address>) -> Vec<Choice> {
    let choice = |address: Address| Choice::new(address.id, address.in_one_line());
    addresses.into_iter().map(choice).collect()
}

fn check(values: &FormValues) -> Result<NewLetting, Vec<FieldError>> {
    let address = required_id(values, "address", ADDRESS);
    let host = optional_id(values, "host", HOST);
    let (letting, _) = combine(draft(values).check(), combine(address, host))?;
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

/// Maps a constraint violation to a form error. If the addresses exist, it is a host that does not.
fn refused(conn: &mut DbConnection, error: DatabaseError, addresses: &[i64]) -> SaveError {
    let gone = match Address::find_all(conn, addresses) {
        Ok(found) if found.len() == addresses.len() => {
            FieldError::new("host", Violation::Choice { label: HOST })
        }
        Ok(_) => FieldError::new("address", GONE),
        Err(error) => return error.into(),
    };
    let taken = FieldError::new("address", TAKEN);
    SaveError::from_constraint(error, Some(taken), Some(gone))
}
