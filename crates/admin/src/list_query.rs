//! Query of a list, with the parameters of Django's admin.

use form_urlencoded::Serializer;
use oc_core::admin::{ListQuery, Resource};
use oc_core::search::SearchTerms;
use oc_http::{PageError, PageLinks};

use crate::auth::request::AdminRequest;
use crate::ui::links::with_query;

/// The most objects that «Show all» shows.
pub(crate) const SHOW_ALL: i64 = 200;

pub(crate) const PAGE: i64 = 100;

/// The number of pages for this many objects.
pub(crate) fn page_count(found: i64) -> i64 {
    ((found + PAGE - 1) / PAGE).max(1)
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AdminListQuery {
    /// Without the range.
    pub(crate) list: ListQuery,
    /// `None` if it is invalid.
    pub(crate) page: Option<i64>,
    /// Whether to show all objects on one page.
    pub(crate) all: bool,
}

impl AdminListQuery {
    pub(crate) fn new(request: &AdminRequest, model: &Resource) -> Self {
        Self::parse(request.http.query_string(), model)
    }

    pub(crate) fn parse(query: &str, model: &Resource) -> Self {
        let filters = model.filters.iter().map(|filter| filter.parameter);
        Self::with_filters(query, &filters.collect::<Vec<_>>(), model.columns.len())
    }

    /// Parses a query with these filters. It never fails: unknown parameters are ignored.
    pub(crate) fn with_filters(query: &str, filters: &[&'static str], columns: usize) -> Self {
        let mut parsed = Self {
            page: Some(1),
            ..Self::default()
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            // PostgreSQL rejects NUL, which no stored text contains.
            let value = value.trim().replace('\0', "\u{fffd}");
            match name.as_ref() {
                "q" => parsed.list.terms = SearchTerms::parse(&value),
                "o" => parsed.list.order = order(&value, columns),
                "p" if value.is_empty() => parsed.page = Some(1),
                "p" => parsed.page = value.parse().ok().filter(|page| *page >= 1),
                "all" => parsed.all = true,
                name => {
                    let filter = filters.iter().find(|filter| **filter == name);
                    if let Some(filter) = filter.filter(|_| !value.is_empty()) {
                        let filters = &mut parsed.list.filters;
                        filters.retain(|(known, _)| known != filter);
                        filters.push((filter, value));
                    }
                }
            }
        }
        parsed
    }

    /// The links between the pages of a list of this many objects.
    ///
    /// # Errors
    /// `NotFound` for a page that doesn't exist.
    pub(crate) fn pages(&self, path: &str, found: i64) -> Result<PageLinks, PageError> {
        let (count, number) = (page_count(found), self.page.ok_or(PageError::NotFound)?);
        if number > count {
            return Err(PageError::NotFound);
        }
        Ok(PageLinks::new(number, count, |page| self.href(path, page)))
    }

    pub(crate) fn offset(&self) -> i64 {
        (self.page.unwrap_or(1) - 1).saturating_mul(PAGE)
    }

    pub(crate) fn listing(&self) -> ListQuery {
        let (offset, limit) = if self.all {
            (0, SHOW_ALL)
        } else {
            (self.offset(), PAGE)
        };
        ListQuery {
            offset,
            limit,
            ..self.list.clone()
        }
    }

    /// The first `limit` objects that match search and filters.
    pub(crate) fn first(&self, limit: i64) -> ListQuery {
        ListQuery {
            limit,
            ..self.list.clone()
        }
    }

    /// The value of a filter, empty if it is not set.
    pub(crate) fn filter(&self, parameter: &str) -> &str {
        let mut filters = self.list.filters.iter();
        let filter = filters.find(|(name, _)| *name == parameter);
        filter.map_or("", |(_, value)| value)
    }

    pub(crate) fn is_filtered(&self) -> bool {
        !self.list.terms.is_empty() || !self.list.filters.is_empty()
    }

    pub(crate) fn order_parameter(&self) -> Option<String> {
        let part = |(column, reverse): &(usize, bool)| {
            format!("{}{}", if *reverse { "-" } else { "" }, column + 1)
        };
        let parts: Vec<_> = self.list.order.iter().map(part).collect();
        (!parts.is_empty()).then(|| parts.join("."))
    }

    /// The query string of this list.
    pub(crate) fn preserved(&self) -> String {
        self.query(self.page.unwrap_or(1), self.all)
    }

    pub(crate) fn href(&self, path: &str, page: i64) -> String {
        with_query(path, &self.query(page, false))
    }

    pub(crate) fn href_all(&self, path: &str) -> String {
        with_query(path, &self.query(1, true))
    }

    /// The address of the list sorted by one column.
    pub(crate) fn href_sorted(&self, path: &str, column: usize, reverse: bool) -> String {
        let mut sorted = self.clone();
        sorted.list.order = vec![(column, reverse)];
        with_query(path, &sorted.query(1, self.all))
    }

    fn query(&self, page: i64, all: bool) -> String {
        let mut query = Serializer::new(String::new());
        let terms = self.list.terms.to_string();
        if !terms.is_empty() {
            query.append_pair("q", &terms);
        }
        query.extend_pairs(&self.list.filters);
        if let Some(order) = self.order_parameter() {
            query.append_pair("o", &order);
        }
        if all {
            query.append_pair("all", "");
        } else if page > 1 {
            query.append_pair("p", &page.to_string());
        }
        query.finish()
    }
}

/// Parses `2.-1`: the second column, then the first in reverse. Unknown columns are ignored.
fn order(text: &str, columns: usize) -> Vec<(usize, bool)> {
    let part = |part: &str| {
        let reverse = part.strip_prefix('-');
        let column: usize = reverse.unwrap_or(part).parse().ok()?;
        let known = (1..=columns).contains(&column);
        known.then(|| (column - 1, reverse.is_some()))
    };
    text.split('.').filter_map(part).take(columns).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tests::BOOK;

    fn parse(query: &str) -> AdminListQuery {
        AdminListQuery::parse(query, &BOOK)
    }

    #[test]
    fn the_parameters_of_django_are_read() {
        let query = parse("q=sea++view&genre__exact=novel&o=2.-1&p=3&other=1");

        assert_eq!(query.list.terms.to_string(), "sea view");
        assert_eq!(query.filter("genre__exact"), "novel");
        assert_eq!(query.list.order, [(1, false), (0, true)]);
        assert_eq!(query.listing().offset, 200);
        assert_eq!(
            query.preserved(),
            "q=sea+view&genre__exact=novel&o=2.-1&p=3"
        );
    }

    #[test]
    fn invalid_parameters_are_ignored() {
        assert_eq!(parse("o=0.9.x.-"), parse(""));
        assert_eq!(parse("genre__exact="), parse(""));
        for page in ["0", "-1", "x", "99999999999999999999"] {
            assert_eq!(parse(&format!("p={page}")).page, None, "{page}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_query_makes_the_parser_panic(
            query in "([qopa=&.+%0-9-]|all=|genre__exact=|%00|%ff|\\PC){0,60}"
        ) {
            let parsed = AdminListQuery::parse(&query, &BOOK);
            let listing = parsed.listing();
            prop_assert!(listing.offset >= 0 && listing.order.len() <= BOOK.columns.len());
            prop_assert!(listing.terms.patterns().all(|pattern| !pattern.contains('\0')));
            // The address of a page leads to the same query.
            let href = parsed.href("", 1);
            let again = AdminListQuery::parse(href.trim_start_matches('?'), &BOOK);
            prop_assert_eq!(again, AdminListQuery { page: Some(1), all: false, ..parsed });
        }
    }
}
