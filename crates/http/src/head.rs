//! The head of a page: title, description, and data for search engines and link previews.

use serde::Serialize;
use serde_json::Value;

use crate::site::{Company, Site};

/// The name of the site.
pub const SITE_NAME: &str = "Holiday Homes";

/// The head of a page.
#[derive(Debug, Serialize)]
pub struct Head {
    /// The whole title.
    title: String,
    /// One sentence about the page.
    description: String,
    /// The canonical URL, absolute.
    canonical: Option<String>,
    /// The path without a query, to mark the current link of the navigation.
    path: String,
    /// JSON-LD, escaped so that no text in it can end the script element.
    json_ld: Option<String>,
    /// The URL of a feed of what the page lists, absolute.
    pub feed: Option<String>,
    /// The URL of the preview image, absolute.
    image: String,
    /// Its width and height (pixels).
    image_width: i32,
    image_height: i32,
    /// Its description.
    image_alt: String,
    /// Open Graph's `og:type`.
    pub kind: &'static str,
    /// Whether search engines should ignore it.
    pub noindex: bool,
    /// The company, for the footer.
    company: Company,
}

impl Head {
    /// The head of the page at `path`. The site's name is appended to the title unless it begins with it.
    pub fn new(site: &Site, path: &str, title: &str, description: &str) -> Self {
        let title = if title.starts_with(SITE_NAME) {
            title.to_owned()
        } else {
            format!("{title} – {SITE_NAME}")
        };
        Self {
            title,
            description: description.to_owned(),
            canonical: Some(site.url(path)),
            path: path.split('?').next().unwrap_or_default().to_owned(),
            json_ld: None,
            feed: None,
            image: site.image.clone(),
            image_width: 1200,
            image_height: 630,
            image_alt: format!(
                "{SITE_NAME}: a drawn bay at sunrise, with white houses above the sea"
            ),
            kind: "website",
            noindex: false,
            company: site.company.clone(),
        }
    }

    /// The head of an error page: no canonical URL, not indexed.
    pub(crate) fn for_error(site: &Site, title: &str) -> Self {
        let head = Self::new(site, "", title, title);
        Self {
            canonical: None,
            noindex: true,
            ..head
        }
    }

    /// Adds JSON-LD.
    pub fn json_ld(mut self, facts: &Value) -> Self {
        // JSON has these characters only inside strings, where they can be escaped.
        let text = facts
            .to_string()
            .replace('<', "\\u003c")
            .replace('>', "\\u003e")
            .replace('&', "\\u0026");
        self.json_ld = Some(text);
        self
    }

    /// Sets the preview image: its absolute URL, width and height (pixels), and description.
    pub fn image(mut self, url: String, (width, height): (i32, i32), alt: &str) -> Self {
        (self.image, self.image_alt) = (url, alt.to_owned());
        (self.image_width, self.image_height) = (width, height);
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_text_can_end_the_script_element() {
        let site = Site::default();

        let head = Head::new(&site, "/", "T", "D").json_ld(&json!({ "name": "</script><b>&" }));

        assert_eq!(
            head.json_ld.as_deref(),
            Some(r#"{"name":"\u003c/script\u003e\u003cb\u003e\u0026"}"#)
        );
    }

    #[test]
    fn a_title_names_the_site_once() {
        let site = Site::default();
        let title = |title| Head::new(&site, "/", title, "").title;

        assert_eq!(title("Lettings"), "Lettings – Holiday Homes");
        assert_eq!(
            title("Holiday Homes in California"),
            "Holiday Homes in California"
        );
    }
}
