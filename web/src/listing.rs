//! The public lists, and their query parameters.

use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use lettings::LettingQuery;

/// The public lists. The sitemap contains them, the page cache keeps their searches, and `check` renders them.
pub(crate) const LISTS: [&str; 2] = ["/lettings/", "/profiles/"];

/// Query parameters of a list.
pub(crate) struct Search(pub(crate) LettingQuery);

impl FromRequest for Search {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(LettingQuery::parse(request.query_string()))))
    }
}

/// Whether a query string is in canonical form, as in the site's own links.
pub(crate) fn is_canonical(path: &str, query: &str) -> bool {
    // A letting's query is the search that it was opened from.
    let is_letting = || {
        let id = path
            .strip_prefix("/lettings/")
            .and_then(|rest| rest.strip_suffix('/'));
        id.is_some_and(|id| id.bytes().all(|byte| byte.is_ascii_digit()))
    };
    (LISTS.contains(&path) || path == "/lettings/feed/" || is_letting())
        && LettingQuery::is_canonical(query)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_query_makes_the_parser_panic_or_has_two_canonical_forms(
            query in "((q|city|state|kind|guests|max_price|pets|feature|sort|page)=)?([-+%&=;0-9a-fA-F]|\\PC){0,40}(&(q|page)=\\PC{0,9})?",
        ) {
            let list = LettingQuery::parse(&query);
            let filter = list.filter();
            let href = list.href("", list.page.unwrap_or(1));
            let canonical = href.trim_start_matches('?');
            prop_assert_eq!(LettingQuery::parse(canonical).filter(), filter);
            prop_assert!(canonical.is_empty() || LettingQuery::is_canonical(canonical), "{}", canonical);
        }
    }

    #[test]
    fn a_list_and_a_letting_opened_from_it_are_cached() {
        for path in "/lettings/ /lettings/feed/ /lettings/12/ /profiles/".split(' ') {
            assert!(is_canonical(path, "q=%26+sea&page=2"), "{path}");
            assert!(!is_canonical(path, "page=2&q=sea"), "{path}");
        }
        for path in "/ /profiles/ada/ /lettings/x/ /lettings/12/enquiry/".split(' ') {
            assert!(!is_canonical(path, "q=sea"), "{path}");
        }
    }
}
