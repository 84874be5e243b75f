//! Filters in which published lettings differ.

use std::collections::BTreeSet;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use oc_core::{CachedStatement, DbConnection, MAX_COUNT};

use crate::facts::KINDS;
use crate::filter::{self, LettingFilter, SortKey, is_published, weekly_price};
use crate::schema::lettings;
use crate::town::Town;

/// The features that lists offer as a filter.
const FEATURES: [&str; 6] = [
    "parking",
    "pool",
    "hot_tub",
    "sea_view",
    "beach",
    "step_free",
];

/// The filters in which published lettings differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facets {
    /// Cities.
    pub cities: BTreeSet<String>,
    /// States.
    pub states: BTreeSet<String>,
    /// Types.
    pub kinds: Vec<&'static str>,
    /// The most guests.
    pub guests: Option<i32>,
    /// The most bedrooms.
    pub bedrooms: Option<i32>,
    /// Whether prices differ.
    pub price: bool,
    /// Whether rules on pets differ.
    pub pets: bool,
    /// Features.
    pub features: Vec<&'static str>,
    /// Number of lettings without a price that a filter or order by price leaves out or puts last.
    pub without_price: i64,
}

/// The fields of a letting that filters use.
#[derive(Queryable)]
struct FilteredFacts {
    kind: String,
    sleeps: Option<i32>,
    bedrooms: Option<i32>,
    weekly_price: i32,
    pets: String,
    features: String,
}

impl FilteredFacts {
    /// Loads them for published lettings that have any. An index has the same condition, so that a million bare lettings
    /// cost nothing. Of more than [`MAX_COUNT`] lettings with facts, that many decide which filters are offered.
    fn load(conn: &mut DbConnection) -> QueryResult<Vec<Self>> {
        let has_any = "(kind <> '' OR sleeps IS NOT NULL OR bedrooms IS NOT NULL \
            OR price_from IS NOT NULL OR pets <> '' OR features <> '')";
        let facts = lettings::table
            .filter(is_published())
            .filter(sql::<Bool>(has_any))
            .select((
                lettings::kind,
                lettings::sleeps,
                lettings::bedrooms,
                weekly_price(0),
                lettings::pets,
                lettings::features,
            ))
            .limit(MAX_COUNT);
        CachedStatement(facts).load(conn)
    }
}

impl Facets {
    /// The filters in which published lettings differ now, for a list with this filter.
    pub fn load(conn: &mut DbConnection, filter: &LettingFilter) -> QueryResult<Self> {
        let towns = Town::all(conn)?;
        let facts = FilteredFacts::load(conn)?;
        let published: i64 = towns.iter().map(|town| town.lettings).sum();
        let compared = published.min(MAX_COUNT);
        let differs =
            |count: usize| count > 0 && i64::try_from(count).is_ok_and(|count| count < compared);
        let some = |has: &dyn Fn(&FilteredFacts) -> bool| {
            differs(facts.iter().filter(|facts| has(facts)).count())
        };
        let highest = |value: fn(&FilteredFacts) -> Option<i32>| {
            let values = facts.iter().filter_map(value);
            let (lowest, highest) = (values.clone().min()?, values.clone().max()?);
            (lowest < highest || differs(values.count())).then_some(highest)
        };
        let kinds = KINDS.iter().map(|(kind, _)| *kind);
        let kinds = kinds.filter(|kind| !kind.is_empty() && some(&|facts| facts.kind == *kind));
        let names = facts.iter().flat_map(|facts| facts.features.split(' '));
        let names: Vec<&str> = names.collect();
        let count = |feature: &str| names.iter().filter(|name| **name == feature).count();
        let features = FEATURES.into_iter();
        let features = features.filter(|feature| differs(count(feature)));
        let (cities, states) = towns
            .into_iter()
            .map(|town| (town.city, town.state))
            .unzip();
        Ok(Self {
            cities,
            states,
            kinds: kinds.collect(),
            guests: highest(|facts| facts.sleeps),
            bedrooms: highest(|facts| facts.bedrooms).filter(|number| *number > 0),
            price: highest(|facts| (facts.weekly_price > 0).then_some(facts.weekly_price))
                .is_some(),
            pets: some(&|facts| matches!(&*facts.pets, "yes" | "request")),
            features: features.collect(),
            without_price: without_price(conn, filter)?,
        })
    }
}

/// Number of lettings without a price that match the filter, if it or its order is about prices.
fn without_price(conn: &mut DbConnection, filter: &LettingFilter) -> QueryResult<i64> {
    if filter.max_price.is_none() && filter.sort.key != SortKey::Price {
        return Ok(0);
    }
    let unpriced = LettingFilter {
        max_price: None,
        missing: Some("price".to_owned()),
        ..filter.clone()
    };
    let hits = filter::hits(conn, &unpriced)?;
    filter::count(conn, &unpriced, &hits)
}

#[cfg(test)]
mod tests {
    use oc_core::testing::on_both;

    use super::*;
    use crate::letting_draft::LettingDraft;
    use crate::listed_letting::ListedLetting;
    use crate::query::LettingQuery;
    use crate::testing::{address, insert_letting, letting, letting_draft};

    fn titles(conn: &mut DbConnection, filter: &LettingFilter) -> QueryResult<Vec<String>> {
        let page = ListedLetting::page(conn, filter, 1)?.expect("there is a first page");
        Ok(page.rows.into_iter().map(|letting| letting.title).collect())
    }

    /// A cabin and a house that differ in everything.
    fn insert_two(conn: &mut DbConnection) -> QueryResult<()> {
        let text = str::to_owned;
        let mut insert = |title: &str, draft: LettingDraft| -> QueryResult<i64> {
            let address_id = address(conn, "Gull Lane", "Brea", "CA")?;
            insert_letting(
                conn,
                &LettingDraft {
                    title: text(title),
                    address_id,
                    ..draft
                },
            )
        };
        let small = LettingDraft {
            kind: text("cabin"),
            sleeps: text("2"),
            price_from: text("100"),
            pets: text("request"),
            ..letting_draft("", 0)
        };
        let large = LettingDraft {
            kind: text("house"),
            sleeps: text("6"),
            bedrooms: text("3"),
            price_from: text("693"),
            price_per: text("week"),
            features: vec![text("pool"), text("wifi")],
            ..letting_draft("", 0)
        };
        insert("Small", small)?;
        insert("Large", large)?;
        Ok(())
    }

    #[test]
    fn lettings_are_filtered_by_what_they_differ_in() -> anyhow::Result<()> {
        on_both(|conn| {
            letting(conn, "Bare", "Gull Lane", "Brea")?;
            let all = LettingFilter::default();
            let bare = Facets {
                cities: BTreeSet::from(["Brea".to_owned()]),
                states: BTreeSet::from(["CA".to_owned()]),
                ..Facets::default()
            };
            assert_eq!(Facets::load(conn, &all)?, bare);
            insert_two(conn)?;

            let facets = Facets::load(conn, &all)?;
            assert_eq!(facets.kinds, ["house", "cabin"]);
            assert_eq!((facets.guests, facets.bedrooms), (Some(6), Some(3)));
            assert!(facets.price && facets.pets);
            assert_eq!((facets.features, facets.without_price), (vec!["pool"], 0));

            for (query, expected, without_price) in [
                ("kind=cabin", &["Small"][..], 0),
                ("guests=2", &["Small", "Large"], 0),
                ("bedrooms=3", &["Large"], 0),
                ("max_price=99", &["Large"], 1),
                ("max_price=99&kind=house", &["Large"], 0),
                ("pets=1", &["Small"], 0),
                ("feature=pool&feature=wifi", &["Large"], 0),
                ("sort=price", &["Large", "Small", "Bare"], 1),
                ("sort=-price", &["Small", "Large", "Bare"], 1),
            ] {
                let filter = LettingQuery::parse(query).filter();
                assert_eq!(titles(conn, &filter)?, expected, "{query}");
                let facets = Facets::load(conn, &filter)?;
                assert_eq!(facets.without_price, without_price, "{query}");
            }
            Ok(())
        })
    }
}
