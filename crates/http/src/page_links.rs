//! Links between the pages of a list, and the number found in words.

use oc_core::MAX_COUNT;
use serde::Serialize;

/// The links between the pages of a list.
#[derive(Debug, Serialize)]
pub struct PageLinks {
    count: i64,
    previous: Option<String>,
    next: Option<String>,
    /// `None` is a gap.
    links: Vec<Option<PageLink>>,
}

/// A link to a page.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct PageLink {
    number: i64,
    href: String,
    current: bool,
}

impl PageLinks {
    /// Links from page `number` of `count` to the first, the last and the neighbours.
    pub fn new(number: i64, count: i64, href: impl Fn(i64) -> String) -> Self {
        let is_shown = |page: &i64| [1, count].contains(page) || (page - number).abs() <= 2;
        let mut links = Vec::new();
        let mut last = 0;
        for page in (1..=count).filter(is_shown) {
            if page > last + 1 {
                links.push(None);
            }
            links.push(Some(PageLink {
                number: page,
                href: href(page),
                current: page == number,
            }));
            last = page;
        }
        Self {
            count,
            previous: (number > 1).then(|| href(number - 1)),
            next: (number < count).then(|| href(number + 1)),
            links,
        }
    }
}

/// How many were found: `28 lettings`, or of a search `2 of 28 lettings`. Searches are not counted to the end.
pub fn found(found: i64, all: Option<i64>, one: &str, many: &str) -> String {
    match all {
        Some(all) if found > MAX_COUNT => format!("more than 10,000 of {all} {many}"),
        Some(all) => format!("{found} of {all} {}", if all == 1 { one } else { many }),
        None => format!("{found} {}", if found == 1 { one } else { many }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pager_leaves_gaps() {
        let numbers = |number, count| {
            let pager = PageLinks::new(number, count, |_| String::new());
            pager
                .links
                .iter()
                .map(|link| link.as_ref().map_or(0, |link| link.number))
                .collect::<Vec<_>>()
        };

        assert_eq!(numbers(1, 1), [1]);
        assert_eq!(numbers(1, 9), [1, 2, 3, 0, 9]);
        assert_eq!(numbers(5, 9), [1, 0, 3, 4, 5, 6, 7, 0, 9]);
        assert_eq!(numbers(9, 9), [1, 0, 7, 8, 9]);
    }

    #[test]
    fn singular_and_plural_differ() {
        assert_eq!(found(1, None, "book", "books"), "1 book");
        assert_eq!(found(0, None, "book", "books"), "0 books");
        assert_eq!(found(1, Some(28), "book", "books"), "1 of 28 books");
        assert_eq!(
            found(MAX_COUNT + 1, Some(20_000), "book", "books"),
            "more than 10,000 of 20000 books"
        );
    }
}
