//! Facts of a letting: fixed choices with their labels, and limits. The database has the same ones.

use std::str::FromStr;

use oc_core::validation::FixedChoices;

/// Maximum length of a summary, in characters.
pub(crate) const LONGEST_SUMMARY: usize = 160;
/// Maximum length of a description, in characters.
pub(crate) const LONGEST_DESCRIPTION: usize = 5000;
/// Maximum length of a permit number, in characters.
pub(crate) const LONGEST_PERMIT: usize = 40;
/// The most guests.
pub(crate) const MAX_SLEEPS: i32 = 30;
/// The most bedrooms.
pub(crate) const MAX_BEDROOMS: i32 = 20;
/// The most bathrooms.
pub(crate) const MAX_BATHROOMS: i32 = 20;
/// The highest price.
pub(crate) const MAX_PRICE: i32 = 99_999;
/// The longest minimum stay (nights).
pub(crate) const MAX_MIN_NIGHTS: i32 = 365;

/// The status of a letting that everybody can see.
pub const PUBLISHED: &str = "published";
/// The status of a letting that is being prepared.
pub const DRAFT: &str = "draft";
/// The status of a letting that is no longer offered.
pub const ARCHIVED: &str = "archived";

/// Statuses.
pub const STATUSES: FixedChoices = &[
    (PUBLISHED, "Published"),
    (DRAFT, "Draft"),
    (ARCHIVED, "Archived"),
];

/// Types, and nothing.
pub const KINDS: FixedChoices = &[
    ("", "Not given"),
    ("house", "House"),
    ("apartment", "Apartment"),
    ("cottage", "Cottage"),
    ("villa", "Villa"),
    ("studio", "Studio"),
    ("cabin", "Cabin"),
    ("room", "Room"),
];

/// What a price is for.
pub const PRICE_UNITS: FixedChoices = &[("night", "night"), ("week", "week")];

/// Whether pets are allowed, or nothing.
pub const PETS: FixedChoices = &[
    ("", "Not given"),
    ("yes", "Pets welcome"),
    ("request", "Pets on request"),
    ("no", "No pets"),
];

/// Features in groups with a heading.
pub const FEATURES: &[(&str, FixedChoices)] = &[
    (
        "Inside",
        &[
            ("wifi", "Wifi"),
            ("air_conditioning", "Air conditioning"),
            ("heating", "Heating"),
            ("kitchen", "Kitchen"),
            ("dishwasher", "Dishwasher"),
            ("washing_machine", "Washing machine"),
            ("dryer", "Dryer"),
            ("tv", "TV"),
            ("workspace", "Workspace"),
        ],
    ),
    (
        "Outside",
        &[
            ("parking", "Parking"),
            ("ev_charger", "EV charger"),
            ("pool", "Pool"),
            ("hot_tub", "Hot tub"),
            ("garden", "Garden"),
            ("balcony", "Balcony or terrace"),
            ("barbecue", "Barbecue"),
        ],
    ),
    (
        "Location",
        &[("sea_view", "Sea view"), ("beach", "Beach within a walk")],
    ),
    (
        "Families and access",
        &[
            ("cot_and_high_chair", "Cot and high chair"),
            ("step_free", "Step-free access"),
        ],
    ),
];

/// A number of halves in decimal notation: `1.5`.
pub fn halves(number: i32) -> String {
    let fraction = if number % 2 == 0 { "" } else { ".5" };
    format!("{}{fraction}", number / 2)
}

/// The label of a choice; empty if there is no such choice, or for the empty one.
pub fn label(choices: FixedChoices, value: &str) -> &'static str {
    let found = choices.iter().find(|(choice, _)| *choice == value);
    found
        .filter(|(choice, _)| !choice.is_empty())
        .map_or("", |(_, label)| label)
}

/// A currency by its code (ISO 4217).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Currency(String);

impl FromStr for Currency {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_code = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
        is_code
            .then(|| Self(text.to_owned()))
            .ok_or("it must be a code of three capital letters, such as USD")
    }
}

impl Currency {
    /// The code.
    pub fn code(&self) -> &str {
        &self.0
    }

    /// An amount with the sign of the currency, or with its code.
    pub fn amount(&self, amount: i32) -> String {
        match self.code() {
            "USD" => format!("${amount}"),
            "EUR" => format!("€{amount}"),
            "GBP" => format!("£{amount}"),
            code => format!("{code} {amount}"),
        }
    }
}
