//! Query parameters of the public lists, and links between pages.

use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use form_urlencoded::Serializer;
use lettings::{LettingFilter, Sort};
use oc_core::search::SearchTerms;
use serde::Serialize;

/// Sort orders with their query parameter and label.
const SORTS: [(&str, Sort, &str); 6] = [
    ("id", Sort::Id, "Oldest first"),
    ("-id", Sort::IdReversed, "Newest first"),
    ("title", Sort::Title, "Title, A to Z"),
    ("-title", Sort::TitleReversed, "Title, Z to A"),
    ("city", Sort::City, "City, A to Z"),
    ("-city", Sort::CityReversed, "City, Z to A"),
];

/// Query parameters of a list. Parsing never fails: unknown and empty ones are ignored, the last of several counts, and
/// an invalid page number leads to a 404.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct ListQuery {
    pub(crate) q: String,
    pub(crate) city: String,
    pub(crate) state: String,
    pub(crate) sort: String,
    #[serde(skip)]
    pub(crate) page: Option<i64>,
}

impl FromRequest for ListQuery {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::parse(request.query_string())))
    }
}

impl ListQuery {
    fn parse(query: &str) -> Self {
        let mut asked = Self {
            page: Some(1),
            ..Self::default()
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            // No stored text contains NUL, and PostgreSQL would reject it.
            let value = value.trim().replace('\0', "\u{fffd}");
            match name.as_ref() {
                "q" => asked.q = SearchTerms::parse(&value).to_string(),
                "city" => asked.city = value,
                "state" => asked.state = value,
                "sort" if SORTS.iter().any(|(name, ..)| *name == value) => asked.sort = value,
                "page" if value.is_empty() => asked.page = Some(1),
                "page" => {
                    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
                    asked.page = value.parse().ok().filter(|_| digits);
                }
                _ => {}
            }
        }
        asked
    }

    /// The search terms.
    pub(crate) fn words(&self) -> SearchTerms {
        SearchTerms::parse(&self.q)
    }

    /// The filter of the lettings.
    pub(crate) fn filter(&self) -> LettingFilter {
        let given = |value: &String| (!value.is_empty()).then(|| value.clone());
        let sort = SORTS
            .iter()
            .find(|(name, ..)| *name == self.sort)
            .map(|(_, sort, _)| *sort);
        LettingFilter {
            terms: self.words(),
            city: given(&self.city),
            state: given(&self.state),
            sort: sort.unwrap_or_default(),
            ..LettingFilter::default()
        }
    }

    /// Whether the list is searched or filtered.
    pub(crate) fn is_filtered(&self) -> bool {
        !(self.q.is_empty() && self.city.is_empty() && self.state.is_empty())
    }

    /// Description of the search for visitors: `“beach” in Laguna Beach, CA`.
    pub(crate) fn searched(&self) -> String {
        let words = if self.q.is_empty() {
            String::new()
        } else {
            format!("“{}”", self.q)
        };
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

    /// Title of the list: name, search and page number.
    pub(crate) fn title(&self, name: &str) -> String {
        let searched = self.searched();
        let page = self
            .page
            .filter(|page| *page > 1)
            .map(|page| format!(", page {page}"));
        let gap = if searched.is_empty() { "" } else { " " };
        format!("{name}{gap}{searched}{}", page.unwrap_or_default())
    }

    /// The canonical URL of a page of this list.
    pub(crate) fn href(&self, path: &str, page: i64) -> String {
        let mut query = Serializer::new(String::new());
        for (name, value) in [
            ("q", &self.q),
            ("city", &self.city),
            ("state", &self.state),
            ("sort", &self.sort),
        ] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        if page > 1 {
            query.append_pair("page", &page.to_string());
        }
        let query = query.finish();
        if query.is_empty() {
            path.to_owned()
        } else {
            format!("{path}?{query}")
        }
    }
}

/// Whether a query string is in canonical form, as in the site's own links.
pub(crate) fn is_canonical(path: &str, query: &str) -> bool {
    let list = ListQuery::parse(query);
    // A letting's query is the search that it was opened from.
    let is_letting = || {
        let id = path
            .strip_prefix("/lettings/")
            .and_then(|rest| rest.strip_suffix('/'));
        id.is_some_and(|id| id.bytes().all(|byte| byte.is_ascii_digit()))
    };
    (matches!(path, "/lettings/" | "/lettings/feed/" | "/profiles/") || is_letting())
        && list
            .page
            .is_some_and(|page| list.href("", page).strip_prefix('?') == Some(query))
}

/// A choice of the sort order.
#[derive(Debug, Serialize)]
pub(crate) struct SortChoice {
    value: &'static str,
    label: &'static str,
}

/// All sort orders.
pub(crate) fn sorts() -> Vec<SortChoice> {
    SORTS
        .iter()
        .map(|(value, _, label)| SortChoice { value, label })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_query_string_is_parsed() {
        let parse = ListQuery::parse;

        assert_eq!(parse("").page, Some(1));
        assert_eq!(parse("q=&city=&page="), parse(""));
        assert_eq!(parse("q=a&q=b+c&other=1").q, "b c");
        assert_eq!(parse("sort=price").sort, "");
        assert_eq!(parse("city=%00&q=%ff%00x").city, "\u{fffd}");
        for page in ["0", "07", "1"] {
            assert!(parse(&format!("page={page}")).page.is_some(), "{page}");
        }
        for page in ["-1", "%2B1", "1.0", "two", "9223372036854775808"] {
            assert_eq!(parse(&format!("page={page}")).page, None, "{page}");
        }
    }

    #[test]
    fn a_list_has_one_canonical_url() {
        let query = ListQuery::parse("page=3&sort=-title&utm=x&city=Dana+Point&q=%26+sea");

        assert_eq!(
            query.href("/lettings/", 1),
            "/lettings/?q=%26+sea&city=Dana+Point&sort=-title"
        );
        assert_eq!(
            query.href("/lettings/", 3),
            "/lettings/?q=%26+sea&city=Dana+Point&sort=-title&page=3"
        );
        assert_eq!(ListQuery::default().href("/lettings/", 1), "/lettings/");
    }

    #[test]
    fn a_list_and_a_letting_opened_from_it_are_cached() {
        for path in [
            "/lettings/",
            "/lettings/feed/",
            "/lettings/12/",
            "/profiles/",
        ] {
            assert!(is_canonical(path, "q=%26+sea&page=2"), "{path}");
            assert!(!is_canonical(path, "page=2&q=sea"), "{path}");
        }
        for path in [
            "/",
            "/profiles/ada/",
            "/lettings/x/",
            "/lettings/12/enquiry/",
        ] {
            assert!(!is_canonical(path, "q=sea"), "{path}");
        }
    }

    #[test]
    fn a_search_has_a_description() {
        let searched = |query| ListQuery::parse(query).searched();

        assert_eq!(searched(""), "");
        assert_eq!(searched("q=sea+view"), "“sea view”");
        assert_eq!(searched("state=CA"), "in CA");
        assert_eq!(searched("q=sea&city=Brea&state=CA"), "“sea” in Brea, CA");
        assert_eq!(ListQuery::parse("").title("Lettings"), "Lettings");
        assert_eq!(
            ListQuery::parse("q=sea&page=2").title("Lettings"),
            "Lettings “sea”, page 2"
        );
    }
}
