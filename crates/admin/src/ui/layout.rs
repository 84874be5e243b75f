//! The layout around every admin page.

use oc_core::admin::Resource;
use oc_http::Page;
use serde::{Deserialize, Serialize};

use crate::ui::links::{capitalized, list_path};
use crate::ui::navigation::Navigation;

#[derive(Debug, Serialize)]
pub(crate) struct LayoutContext {
    pub(crate) page_title: String,
    pub(crate) heading: String,
    pub(crate) signed_in_as: Option<String>,
    pub(crate) navigation: Option<Navigation>,
    pub(crate) messages: Vec<Message>,
    pub(crate) csrf: String,
    pub(crate) crumbs: Vec<Breadcrumb>,
}

/// A message about the last request, shown on the next page.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Message {
    level: String,
    text: String,
    /// An object: its title in quotes comes after the text.
    object: Option<MessageObject>,
    /// Another sentence.
    #[serde(default)]
    more: String,
    undo: Option<Undo>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct MessageObject {
    title: String,
    href: Option<String>,
}

/// The form that restores what was deleted.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Undo {
    pub(crate) action: String,
    pub(crate) entry_id: i64,
}

impl Message {
    pub(crate) fn new(level: &str, text: impl Into<String>) -> Self {
        Self {
            level: level.to_owned(),
            text: text.into(),
            ..Self::default()
        }
    }

    /// A success: “Added book “Title”.”, with a link to the object.
    pub(crate) fn done(verb: &str, resource: &Resource, title: &str, href: Option<String>) -> Self {
        Self {
            object: Some(MessageObject {
                title: title.to_owned(),
                href,
            }),
            ..Self::new("success", format!("{verb} {} ", resource.singular))
        }
    }

    pub(crate) fn and(self, sentence: &str) -> Self {
        let more = sentence.to_owned();
        Self { more, ..self }
    }

    /// The message with a button that restores what was deleted.
    pub(crate) fn with_undo(self, undo: Option<Undo>) -> Self {
        Self { undo, ..self }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Breadcrumb {
    label: String,
    href: Option<String>,
}

impl Breadcrumb {
    /// The trail from the index to a page, which comes last and has no link.
    pub(crate) fn trail(steps: &[(&str, &str)], page: &str) -> Vec<Self> {
        let links = [("Home", "/admin/")].iter().chain(steps);
        let links = links.map(|(label, href)| (*label, Some((*href).to_owned())));
        let all = links.chain([(page, None)]).map(|(label, href)| Self {
            label: label.to_owned(),
            href,
        });
        all.collect()
    }

    /// The trail to a page of a resource's list.
    pub(crate) fn below_list(resource: &Resource, page: &str) -> Vec<Self> {
        let (label, href) = (capitalized(resource.plural), list_path(resource));
        Self::trail(&[(&label, &href)], page)
    }
}

#[derive(Serialize)]
pub(crate) struct WithLayout<P> {
    #[serde(flatten)]
    pub(crate) layout: LayoutContext,
    #[serde(flatten)]
    pub(crate) page: P,
}

impl<P: Page> Page for WithLayout<P> {
    const TEMPLATE: &'static str = P::TEMPLATE;
}
