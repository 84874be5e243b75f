//! Texts and facts of the demo lettings, from CSV files.

use std::sync::LazyLock;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::letting_draft::LettingDraft;

/// Handwritten letting: an invented house in a real town.
#[derive(Deserialize)]
pub(super) struct House {
    pub(super) title: String,
    pub(super) number: String,
    pub(super) street: String,
    pub(super) city: String,
    /// Empty in a letting without facts, as after an import.
    kind: String,
    sleeps: String,
    bedrooms: String,
    bathrooms: String,
    price_from: String,
    price_per: String,
    min_nights: String,
    pets: String,
    features: String,
    summary: String,
    description: String,
}

/// Parts of titles and streets.
#[derive(Deserialize)]
pub(super) struct Words {
    pub(super) mood: String,
    pub(super) kind: String,
    pub(super) place: String,
    pub(super) street: String,
}

pub(super) static HOUSES: LazyLock<Vec<House>> =
    LazyLock::new(|| read(include_str!("../../demo/lettings.csv")));

/// Towns of Orange County, California, with a ZIP code each.
pub(super) static TOWNS: LazyLock<Vec<(String, String)>> =
    LazyLock::new(|| read(include_str!("../../demo/towns.csv")));

pub(super) static WORDS: LazyLock<Vec<Words>> =
    LazyLock::new(|| read(include_str!("../../demo/words.csv")));

/// Suffixes of street names.
pub(super) const WAYS: [&str; 10] = [
    "Avenue", "Circle", "Court", "Drive", "Lane", "Place", "Road", "Row", "Street", "Terrace",
];

pub(super) fn read<T: DeserializeOwned>(text: &str) -> Vec<T> {
    let rows = csv::Reader::from_reader(text.as_bytes()).into_deserialize();
    rows.collect::<Result<_, _>>()
        .expect("the files are compiled in, and the tests read them")
}

/// Indexes (from 0) of the lettings with facts.
pub(super) fn indexes() -> impl Iterator<Item = i64> {
    let with_facts = (0..).zip(&*HOUSES);
    with_facts
        .filter(|(_, house)| !house.kind.is_empty())
        .map(|(index, _)| index)
}

impl House {
    /// The facts, of the letting at this index.
    pub(super) fn facts(&self, index: i64) -> LettingDraft {
        if self.kind.is_empty() {
            return LettingDraft::default();
        }
        let features = self.features.split_whitespace().map(str::to_owned);
        LettingDraft {
            kind: self.kind.clone(),
            sleeps: self.sleeps.clone(),
            bedrooms: self.bedrooms.clone(),
            bathrooms: self.bathrooms.clone(),
            price_from: self.price_from.clone(),
            price_per: self.price_per.clone(),
            min_nights: self.min_nights.clone(),
            pets: self.pets.clone(),
            features: features.collect(),
            summary: self.summary.clone(),
            description: self.description.clone(),
            permit: format!("STR-{:04}", 1101 + 37 * index),
            ..LettingDraft::default()
        }
    }
}
