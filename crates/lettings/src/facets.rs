//! Filters in which published lettings differ.

use diesel::prelude::*;
use diesel::sql_types::{Integer, Text};
use oc_core::{CachedStatement, DbConnection};

use crate::facts::KINDS;
use crate::filter::{self, LettingFilter, Sort};

/// Facts of lettings, for conditions on them. An index has the same condition, so that a million bare lettings cost
/// nothing.
const FACTS: &str = "WITH total AS MATERIALIZED (SELECT sum(lettings) AS lettings FROM town_totals), \
    facts AS MATERIALIZED (\
    SELECT kind, sleeps, bedrooms, price_from * CASE price_per WHEN 'week' THEN 1 ELSE 7 END AS price, pets, \
    ' ' || features || ' ' AS features FROM lettings WHERE status = 'published' AND \
    (kind <> '' OR sleeps IS NOT NULL OR bedrooms IS NOT NULL OR price_from IS NOT NULL OR pets <> '' OR features <> ''))";

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

/// A fact in which lettings differ.
#[derive(QueryableByName)]
struct Facet {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Integer)]
    highest: i32,
}

impl Facets {
    /// The filters in which published lettings differ now, for a list with this filter.
    pub fn load(conn: &mut DbConnection, filter: &LettingFilter) -> QueryResult<Self> {
        let facet = |name: &str, value: &str, condition: &str| {
            format!(
                "SELECT {name} AS name, max({value}) AS highest FROM facts WHERE {condition} \
                 HAVING min({value}) < max({value}) \
                 OR count(*) BETWEEN 1 AND (SELECT lettings - 1 FROM total)"
            )
        };
        let ranges = ["sleeps", "bedrooms", "price"];
        let ranges =
            ranges.map(|name| facet(&format!("'{name}'"), name, &format!("{name} IS NOT NULL")));
        let kinds = facet("kind", "1", "kind <> '' GROUP BY kind");
        let pets = facet("'pets'", "1", "pets IN ('yes', 'request')");
        let features = FEATURES.map(|feature| {
            facet(
                &format!("'{feature}'"),
                "1",
                // LIKE is slow in SQLite, and the two databases have no other function in common that finds text.
                &format!("replace(features, ' {feature} ', '') <> features"),
            )
        });
        let facets = ranges.into_iter().chain([kinds, pets]);
        let facets: Vec<_> = facets.chain(features).collect();
        let sql = format!("{FACTS} {}", facets.join(" UNION ALL "));
        let facets: Vec<Facet> = CachedStatement(diesel::sql_query(sql)).load(conn)?;
        let highest = |name: &str| {
            let facet = facets.iter().find(|facet| facet.name == name);
            facet.map(|facet| facet.highest)
        };
        let kinds = KINDS.iter().map(|(kind, _)| *kind);
        Ok(Self {
            kinds: kinds.filter(|kind| highest(kind).is_some()).collect(),
            guests: highest("sleeps"),
            bedrooms: highest("bedrooms").filter(|number| *number > 0),
            price: highest("price").is_some(),
            pets: highest("pets").is_some(),
            features: FEATURES
                .into_iter()
                .filter(|feature| highest(feature).is_some())
                .collect(),
            without_price: without_price(conn, filter)?,
        })
    }
}

/// Number of lettings without a price that match the filter, if it or its order is about prices.
fn without_price(conn: &mut DbConnection, filter: &LettingFilter) -> QueryResult<i64> {
    if filter.max_price.is_none() && !matches!(filter.sort, Sort::Price | Sort::PriceReversed) {
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
            assert_eq!(Facets::load(conn, &all)?, Facets::default());
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
