//! Fields of a letting's form.

use oc_core::admin::{Field, FieldKind};

use crate::facts::{
    FEATURES, KINDS, LONGEST_DESCRIPTION, LONGEST_PERMIT, LONGEST_SUMMARY, MAX_BATHROOMS,
    MAX_BEDROOMS, MAX_MIN_NIGHTS, MAX_PRICE, MAX_SLEEPS, PETS, PRICE_UNITS, PUBLISHED, STATUSES,
};
use crate::letting_draft::LONGEST_TITLE;

use super::address::APP;

/// Label of the address, in the form and in errors.
pub(super) const ADDRESS: &str = "Address";

/// Label of the host, in the form and in errors.
pub(super) const HOST: &str = "Host";

const TEXT: &str = "Text";
const FACTS: &str = "Facts";
const PRICE: &str = "Price";
const PLACE: &str = "Address";

/// Fields of the form, in order.
pub(super) const FIELDS: &[Field] = &[
    Field::optional("status", "Status", FieldKind::OneOf(STATUSES))
        .default(PUBLISHED)
        .section(Field::BESIDE_BUTTONS)
        .bulk_edit()
        .help("Only published lettings are on the site."),
    Field::text("title", "Title", 1, LONGEST_TITLE).section(TEXT),
    Field::optional("summary", "Summary", text(LONGEST_SUMMARY))
        .section(TEXT)
        .help("One line of up to 160 characters, for lists and search engines."),
    Field::optional(
        "description",
        "Description",
        FieldKind::LongText {
            max: LONGEST_DESCRIPTION,
        },
    )
    .section(TEXT)
    .help("Up to 5000 characters. A blank line starts a new paragraph."),
    Field::optional("kind", "Type", FieldKind::OneOf(KINDS))
        .section(FACTS)
        .bulk_edit(),
    whole("sleeps", "Sleeps", 1, MAX_SLEEPS),
    whole("bedrooms", "Bedrooms", 0, MAX_BEDROOMS).help("0 for a studio."),
    Field::optional(
        "bathrooms",
        "Bathrooms",
        FieldKind::Halves { max: MAX_BATHROOMS },
    )
    .section(FACTS)
    .help("In halves, such as 1.5."),
    whole("min_nights", "Minimum stay", 1, MAX_MIN_NIGHTS)
        .help("Nights.")
        .bulk_edit(),
    Field::optional("pets", "Pets", FieldKind::OneOf(PETS))
        .section(FACTS)
        .bulk_edit(),
    Field::optional("permit", "Permit number", text(LONGEST_PERMIT)).section(FACTS),
    whole("price_from", "Price from", 1, MAX_PRICE)
        .section(PRICE)
        .bulk_edit()
        .help("The lowest price, in whole units of the currency."),
    Field::optional("price_per", "Per", FieldKind::OneOf(PRICE_UNITS))
        .default(PRICE_UNITS[0].0)
        .section(PRICE)
        .bulk_edit(),
    Field::optional("features", "Features", FieldKind::AnyOf(FEATURES)).section("Features"),
    Field::new("address", ADDRESS, FieldKind::Choice(APP, "address"))
        .section(PLACE)
        .help("Only addresses without a letting can be chosen."),
    Field::optional(
        "address_shown",
        "Show street on the site",
        FieldKind::Boolean,
    )
    .default("on")
    .section(PLACE)
    .bulk_edit(),
    Field::optional("host", HOST, FieldKind::Related("profiles", "profile"))
        .section(HOST)
        .bulk_edit(),
];

const fn text(max: usize) -> FieldKind {
    FieldKind::Text { min: 0, max }
}

const fn whole(name: &'static str, label: &'static str, min: i32, max: i32) -> Field {
    Field::optional(name, label, FieldKind::OptionalInteger { min, max }).section(FACTS)
}
