//! What stands in the head of every page: title, description, and what search engines and link previews read.

use serde::Serialize;
use serde_json::json;

use crate::assets::Assets;
use crate::site::Site;

/// The name that visitors know.
pub(crate) const NAME: &str = "Holiday Homes";

/// The head of a page.
#[derive(Debug, Serialize)]
pub(crate) struct Head {
    /// The whole title.
    title: String,
    /// One sentence on the page.
    description: String,
    /// The one address of the page, absolute.
    canonical: Option<String>,
    /// Its path without a query, for the mark on the current link.
    path: String,
    /// Which part of the site it belongs to: `home`, `lettings`, `profiles`, or nothing.
    section: &'static str,
    /// Facts about the page as JSON-LD, escaped so that no text in them can end the script element.
    json_ld: Option<String>,
    /// The address of a feed of what the page lists.
    feed: Option<String>,
    /// The picture for previews, absolute.
    image: String,
    /// The kind of page (Open Graph's `og:type`).
    kind: &'static str,
    /// Whether search engines shall leave it out.
    noindex: bool,
}

impl Head {
    /// The head of the page at `path`. The title begins with `title`, which stands alone if it names the site.
    pub(crate) fn new(
        site: &Site,
        section: &'static str,
        path: &str,
        title: &str,
        description: &str,
    ) -> Self {
        let title = if title.starts_with(NAME) {
            title.to_owned()
        } else {
            format!("{title} – {NAME}")
        };
        Self {
            title,
            description: description.to_owned(),
            canonical: Some(site.url(path)),
            path: path.split('?').next().unwrap_or_default().to_owned(),
            section,
            json_ld: None,
            feed: None,
            image: site.image().to_owned(),
            kind: "website",
            noindex: false,
        }
    }

    /// The head of a page that tells of an error: no address of its own, not to be found.
    pub(crate) fn of_error(site: &Site, title: &str) -> Self {
        let head = Self::new(site, "", "", title, title);
        Self {
            canonical: None,
            noindex: true,
            ..head
        }
    }

    /// Adds facts as JSON-LD.
    pub(crate) fn json_ld(mut self, facts: &serde_json::Value) -> Self {
        // Escapes within JSON strings; outside of strings JSON has none of these characters.
        let text = facts
            .to_string()
            .replace('<', "\\u003c")
            .replace('>', "\\u003e")
            .replace('&', "\\u0026");
        self.json_ld = Some(text);
        self
    }

    /// Adds a feed.
    pub(crate) fn feed(mut self, url: String) -> Self {
        self.feed = Some(url);
        self
    }

    /// Says what kind of page it is.
    pub(crate) fn kind(mut self, kind: &'static str) -> Self {
        self.kind = kind;
        self
    }

    /// Keeps the page out of search engines, or not.
    pub(crate) fn noindex(mut self, noindex: bool) -> Self {
        self.noindex = noindex;
        self
    }
}

/// The way to a page, as JSON-LD: names and paths from the home page on.
pub(crate) fn breadcrumbs(site: &Site, way: &[(&str, &str)]) -> serde_json::Value {
    let items: Vec<_> = way
        .iter()
        .zip(1..)
        .map(|((name, path), position)| {
            json!({ "@type": "ListItem", "position": position, "name": name, "item": site.url(path) })
        })
        .collect();
    json!({ "@type": "BreadcrumbList", "itemListElement": items })
}

/// The address of the picture for previews.
pub(crate) fn preview(assets: &Assets) -> String {
    assets.url("og.png").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_can_end_the_script_element() {
        let site = Site::new("https://example.org".to_owned(), "/og.png");

        let head = Head::new(&site, "", "/", "T", "D").json_ld(&json!({ "name": "</script><b>&" }));

        assert_eq!(
            head.json_ld.as_deref(),
            Some(r#"{"name":"\u003c/script\u003e\u003cb\u003e\u0026"}"#)
        );
    }

    #[test]
    fn a_title_names_the_site_once() {
        let site = Site::new("https://example.org".to_owned(), "/og.png");
        let title = |title| Head::new(&site, "", "/", title, "").title;

        assert_eq!(title("Lettings"), "Lettings – Holiday Homes");
        assert_eq!(
            title("Holiday Homes in California"),
            "Holiday Homes in California"
        );
    }
}
