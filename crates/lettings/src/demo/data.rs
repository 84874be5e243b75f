//! Texts and facts of the demo lettings, from CSV files.

use std::sync::LazyLock;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::address::AddressDraft;
use crate::letting_draft::LettingDraft;

/// Parts of titles and streets.
#[derive(Deserialize)]
pub(super) struct Words {
    pub(super) mood: String,
    pub(super) kind: String,
    pub(super) place: String,
    pub(super) street: String,
}

const HOUSES: &str = include_str!("../../demo/lettings.csv");

/// Handwritten lettings: invented houses in real towns, some without facts, as after an import.
pub(super) static LETTINGS: LazyLock<Vec<LettingDraft>> = LazyLock::new(|| read(HOUSES));

/// Their addresses, without what [`TOWNS`] adds.
pub(super) static ADDRESSES: LazyLock<Vec<AddressDraft>> = LazyLock::new(|| read(HOUSES));

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
    let with_facts = (0..).zip(&*LETTINGS);
    with_facts
        .filter(|(_, letting)| !letting.kind.is_empty())
        .map(|(index, _)| index)
}
