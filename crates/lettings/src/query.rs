//! Query parameters of the public list of lettings, and links between its pages.

use std::collections::BTreeSet;

use form_urlencoded::Serializer;
use oc_core::MAX_COUNT;
use oc_core::search::SearchTerms;
use serde::Serialize;

use crate::facets::Facets;
use crate::facts::{Currency, FEATURES, KINDS, MAX_BEDROOMS, MAX_PRICE, MAX_SLEEPS, label};
use crate::filter::{LettingFilter, Sort, SortKey};

/// Query parameters of sort orders, with what they compare and their label. `-` reverses the order.
const SORTS: [(&str, SortKey, &str); 8] = [
    ("id", SortKey::Id, "Oldest first"),
    ("-id", SortKey::Id, "Newest first"),
    ("title", SortKey::Title, "Title, A to Z"),
    ("-title", SortKey::Title, "Title, Z to A"),
    ("city", SortKey::City, "City, A to Z"),
    ("-city", SortKey::City, "City, Z to A"),
    ("price", SortKey::Price, "Price, lowest first"),
    ("-price", SortKey::Price, "Price, highest first"),
];

/// Query parameters of a list. Parsing never fails: unknown, empty and bad ones are ignored, the last of several counts,
/// and an invalid page number leads to a 404.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LettingQuery {
    /// Search.
    pub q: String,
    /// City.
    pub city: String,
    /// State.
    pub state: String,
    /// Type.
    pub kind: String,
    /// Least number of guests.
    pub guests: Option<i32>,
    /// Least number of bedrooms.
    pub bedrooms: Option<i32>,
    /// Highest price of a night.
    pub max_price: Option<i32>,
    /// Whether pets are allowed.
    pub pets: bool,
    /// Features; all must be there.
    pub features: Vec<&'static str>,
    /// Order.
    pub sort: String,
    /// Page number.
    #[serde(skip)]
    pub page: Option<i64>,
}

/// A choice of a filter.
#[derive(Debug, Serialize)]
pub struct FilterChoice {
    value: String,
    label: String,
    selected: bool,
}

/// A filter that is set, with the list without it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct ActiveFilter {
    /// What it asks for.
    pub label: String,
    /// Path of the list without it.
    pub href: String,
}

/// The filters that a list offers: those in which published lettings differ, and those that are set.
#[derive(Debug, Serialize)]
pub struct FilterForm {
    cities: Vec<FilterChoice>,
    states: Vec<FilterChoice>,
    kinds: Vec<FilterChoice>,
    guests: Vec<FilterChoice>,
    bedrooms: Vec<FilterChoice>,
    max_price: Option<String>,
    pets: Option<FilterChoice>,
    features: Vec<FilterChoice>,
    /// Whether a filter under “More” is set.
    more_is_open: bool,
    sorts: Vec<FilterChoice>,
    active: Vec<ActiveFilter>,
    /// What happens to lettings without a price, if a filter or the order is about prices.
    price_note: Option<String>,
}

impl LettingQuery {
    /// Parses a query string.
    #[must_use]
    pub fn parse(query: &str) -> Self {
        let mut list = Self {
            page: Some(1),
            ..Self::default()
        };
        let mut features = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            // No stored text contains NUL, and PostgreSQL would reject it.
            let value = value.trim().replace('\0', "\u{fffd}");
            let whole = |max| {
                let digits = value.bytes().all(|byte| byte.is_ascii_digit());
                let number = value.parse().ok().filter(|_| digits);
                number.filter(|number| (1..=max).contains(number))
            };
            match name.as_ref() {
                "q" => list.q = SearchTerms::parse(&value).to_string(),
                "city" => list.city = value,
                "state" => list.state = value,
                "kind" if KINDS.iter().any(|(kind, _)| *kind == value) => list.kind = value,
                "guests" => list.guests = whole(MAX_SLEEPS),
                "bedrooms" => list.bedrooms = whole(MAX_BEDROOMS),
                "max_price" => list.max_price = whole(MAX_PRICE),
                "pets" => list.pets = value == "1",
                "feature" => features.push(value),
                "sort" if SORTS.iter().any(|(name, ..)| *name == value) => list.sort = value,
                "page" if value.is_empty() => list.page = Some(1),
                "page" => {
                    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
                    list.page = value.parse().ok().filter(|_| digits);
                }
                _ => {}
            }
        }
        let known = all_features().map(|(value, _)| value);
        list.features = known
            .filter(|value| features.iter().any(|feature| feature == value))
            .collect();
        list
    }

    /// The search terms.
    #[must_use]
    pub fn words(&self) -> SearchTerms {
        SearchTerms::parse(&self.q)
    }

    /// The filter of the lettings.
    #[must_use]
    pub fn filter(&self) -> LettingFilter {
        let given = |value: &String| (!value.is_empty()).then(|| value.clone());
        let sort = SORTS
            .iter()
            .find(|(name, ..)| *name == self.sort)
            .map(|(name, key, _)| Sort {
                key: *key,
                is_reversed: name.starts_with('-'),
            });
        LettingFilter {
            terms: self.words(),
            city: given(&self.city),
            state: given(&self.state),
            kind: given(&self.kind),
            guests: self.guests,
            bedrooms: self.bedrooms,
            max_price: self.max_price,
            pets: self.pets,
            features: self.features.clone(),
            sort: sort.unwrap_or_default(),
            ..LettingFilter::default()
        }
    }

    /// Whether the list is searched or filtered.
    #[must_use]
    pub fn is_filtered(&self) -> bool {
        *self
            != Self {
                sort: self.sort.clone(),
                page: self.page,
                ..Self::default()
            }
    }

    /// Description of the search for visitors: `“beach” in Laguna Beach, CA`.
    #[must_use]
    pub fn searched(&self) -> String {
        let words = self.quoted();
        let place = [&self.city, &self.state]
            .map(String::as_str)
            .into_iter()
            .filter(|part| !part.is_empty());
        let place = place.collect::<Vec<_>>().join(", ");
        match (words.is_empty(), place.is_empty()) {
            (_, true) => words,
            (true, false) => format!("in {place}"),
            (false, false) => format!("{words} in {place}"),
        }
    }

    /// The search terms in quotes; empty if there are none.
    fn quoted(&self) -> String {
        if self.q.is_empty() {
            String::new()
        } else {
            format!("“{}”", self.q)
        }
    }

    /// Title of the list: name, search and page number.
    #[must_use]
    pub fn title(&self, name: &str) -> String {
        let searched = self.searched();
        let page = self
            .page
            .filter(|page| *page > 1)
            .map(|page| format!(", page {page}"));
        let gap = if searched.is_empty() { "" } else { " " };
        format!("{name}{gap}{searched}{}", page.unwrap_or_default())
    }

    /// The canonical URL of a page of this list.
    #[must_use]
    pub fn href(&self, path: &str, page: i64) -> String {
        let number =
            |number: Option<i32>| number.map_or_else(String::new, |number| number.to_string());
        let mut query = Serializer::new(String::new());
        let mut append = |name, value: &str| {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        };
        append("q", &self.q);
        append("city", &self.city);
        append("state", &self.state);
        append("kind", &self.kind);
        append("guests", &number(self.guests));
        append("bedrooms", &number(self.bedrooms));
        append("max_price", &number(self.max_price));
        append("pets", if self.pets { "1" } else { "" });
        for feature in &self.features {
            append("feature", feature);
        }
        append("sort", &self.sort);
        if page > 1 {
            append("page", &page.to_string());
        }
        let query = query.finish();
        if query.is_empty() {
            path.to_owned()
        } else {
            format!("{path}?{query}")
        }
    }

    /// Whether a query string is in canonical form, as in the site's own links.
    #[must_use]
    pub fn is_canonical(query: &str) -> bool {
        let list = Self::parse(query);
        list.page
            .is_some_and(|page| list.href("", page).strip_prefix('?') == Some(query))
    }

    /// The filters that are set, each with the list without it.
    #[must_use]
    pub fn active(&self, path: &str, currency: &Currency) -> Vec<ActiveFilter> {
        let mut active = Vec::new();
        let mut add = |label: String, remove: &dyn Fn(&mut Self)| {
            if !label.is_empty() {
                let mut without = self.clone();
                remove(&mut without);
                let href = without.href(path, 1);
                active.push(ActiveFilter { label, href });
            }
        };
        add(self.quoted(), &|list| list.q.clear());
        add(self.city.clone(), &|list| list.city.clear());
        add(self.state.clone(), &|list| list.state.clear());
        let kind = label(KINDS, &self.kind).to_owned();
        add(kind, &|list| list.kind.clear());
        if let Some(guests) = self.guests {
            let label = format!("{guests} or more guests");
            add(label, &|list| list.guests = None);
        }
        if let Some(bedrooms) = self.bedrooms {
            let label = format!("{bedrooms} or more bedrooms");
            add(label, &|list| list.bedrooms = None);
        }
        if let Some(price) = self.max_price {
            let label = format!("Up to {} a night", currency.amount(price));
            add(label, &|list| list.max_price = None);
        }
        if self.pets {
            add("Pets".to_owned(), &|list| list.pets = false);
        }
        for (value, label) in all_features().filter(|(value, _)| self.features.contains(value)) {
            let remove = |list: &mut Self| list.features.retain(|feature| *feature != value);
            add(label.to_owned(), &remove);
        }
        active
    }

    /// The form that sets these filters.
    #[must_use]
    pub fn form(&self, facets: &Facets, path: &str, currency: &Currency) -> FilterForm {
        let choice = |value: &str, label: &str, selected| FilterChoice {
            value: value.to_owned(),
            label: label.to_owned(),
            selected,
        };
        let names = |names: &BTreeSet<String>, chosen: &str| {
            let is_choice = names.len() > 1 || !chosen.is_empty();
            let names = names.iter().filter(|_| is_choice);
            names
                .map(|name| choice(name, name, name == chosen))
                .collect()
        };
        let least = |max: Option<i32>, chosen: Option<i32>| {
            let max = max.max(chosen);
            let numbers = (1..=max.unwrap_or(0)).map(|number| {
                choice(
                    &number.to_string(),
                    &format!("{number} or more"),
                    Some(number) == chosen,
                )
            });
            numbers.collect::<Vec<_>>()
        };
        let kinds = KINDS.iter().filter(|(kind, _)| {
            !kind.is_empty() && (facets.kinds.contains(kind) || *kind == self.kind)
        });
        let features = all_features()
            .filter(|(value, _)| facets.features.contains(value) || self.features.contains(value));
        let has_price = facets.price || self.sort.ends_with("price");
        let sorts = SORTS
            .iter()
            .filter(|(name, ..)| has_price || !name.ends_with("price"));
        FilterForm {
            cities: names(&facets.cities, &self.city),
            states: names(&facets.states, &self.state),
            kinds: kinds
                .map(|(kind, label)| choice(kind, label, *kind == self.kind))
                .collect(),
            guests: least(facets.guests, self.guests),
            bedrooms: least(facets.bedrooms, self.bedrooms),
            max_price: (facets.price || self.max_price.is_some()).then(|| {
                self.max_price
                    .map_or_else(String::new, |price| price.to_string())
            }),
            pets: (facets.pets || self.pets).then(|| choice("1", "Pets", self.pets)),
            features: features
                .map(|(value, label)| choice(value, label, self.features.contains(&value)))
                .collect(),
            more_is_open: self.pets || !self.features.is_empty(),
            sorts: sorts
                .map(|(name, _, label)| choice(name, label, *name == self.sort))
                .collect(),
            active: self.active(path, currency),
            price_note: self.price_note(facets.without_price),
        }
    }

    fn price_note(&self, without_price: i64) -> Option<String> {
        let (lettings, is, come) = match without_price {
            0 => return None,
            1 => ("1 letting".to_owned(), "is", "comes"),
            number if number > MAX_COUNT => ("More than 10,000 lettings".to_owned(), "are", "come"),
            number => (format!("{number} lettings"), "are", "come"),
        };
        Some(match self.max_price {
            Some(_) => format!("{lettings} without a price {is} not shown."),
            None => format!("{lettings} without a price {come} last."),
        })
    }
}

fn all_features() -> impl Iterator<Item = (&'static str, &'static str)> {
    FEATURES
        .iter()
        .flat_map(|(_, features)| features.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_query_string_is_parsed() {
        let parse = LettingQuery::parse;

        assert_eq!(parse("").page, Some(1));
        assert_eq!(parse("q=&city=&page=&guests=&feature="), parse(""));
        assert_eq!(parse("q=a&q=b+c&other=1").q, "b c");
        assert_eq!(parse("sort=size").sort, "");
        assert_eq!(parse("city=%00&q=%ff%00x").city, "\u{fffd}");
        for bad in [
            "kind=castle",
            "guests=0",
            "guests=31",
            "bedrooms=-1",
            "max_price=1.5",
            "pets=yes",
            "feature=moat",
        ] {
            assert_eq!(parse(bad), parse(""), "{bad}");
        }
        for page in ["0", "07", "1"] {
            assert!(parse(&format!("page={page}")).page.is_some(), "{page}");
        }
        for page in ["-1", "%2B1", "1.0", "two", "9223372036854775808"] {
            assert_eq!(parse(&format!("page={page}")).page, None, "{page}");
        }
    }

    #[test]
    fn a_list_has_one_canonical_url() {
        let query = LettingQuery::parse(
            "page=3&sort=-title&utm=x&feature=pool&feature=wifi&guests=04&city=Dana+Point&q=%26+sea",
        );

        let first = "q=%26+sea&city=Dana+Point&guests=4&feature=wifi&feature=pool&sort=-title";
        assert_eq!(query.href("/lettings/", 1), format!("/lettings/?{first}"));
        assert_eq!(
            query.href("/lettings/", 3),
            format!("/lettings/?{first}&page=3")
        );
        assert_eq!(LettingQuery::default().href("/lettings/", 1), "/lettings/");
        assert!(LettingQuery::is_canonical(first));
        assert!(!LettingQuery::is_canonical("feature=pool&feature=wifi"));
    }

    #[test]
    fn each_active_filter_has_a_link_that_removes_it() {
        let query = LettingQuery::parse("kind=house&guests=4&max_price=200&feature=pool");
        let dollars = "USD".parse().expect("a code");

        let active = query.active("/lettings/", &dollars);

        let labels: Vec<&str> = active.iter().map(|filter| filter.label.as_str()).collect();
        assert_eq!(
            labels,
            ["House", "4 or more guests", "Up to $200 a night", "Pool"]
        );
        assert_eq!(
            active[1].href,
            "/lettings/?kind=house&max_price=200&feature=pool"
        );
    }

    #[test]
    fn a_search_has_a_description() {
        let searched = |query| LettingQuery::parse(query).searched();

        assert_eq!(searched(""), "");
        assert_eq!(searched("q=sea+view"), "“sea view”");
        assert_eq!(searched("state=CA"), "in CA");
        assert_eq!(searched("q=sea&city=Brea&state=CA"), "“sea” in Brea, CA");
        assert_eq!(LettingQuery::parse("").title("Lettings"), "Lettings");
        assert_eq!(
            LettingQuery::parse("q=sea&page=2").title("Lettings"),
            "Lettings “sea”, page 2"
        );
    }

    #[test]
    fn lettings_without_a_price_are_mentioned() {
        let note =
            |query: &str, without_price| LettingQuery::parse(query).price_note(without_price);

        for (query, number, expected) in [
            (
                "max_price=99",
                9,
                "9 lettings without a price are not shown.",
            ),
            ("max_price=99", 1, "1 letting without a price is not shown."),
            ("sort=price", 2, "2 lettings without a price come last."),
        ] {
            assert_eq!(note(query, number).as_deref(), Some(expected));
        }
        assert_eq!(note("max_price=99", 0), None);
    }
}
