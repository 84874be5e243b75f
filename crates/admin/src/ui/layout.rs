//! The layout around every admin page.

use oc_core::admin::Resource;
use oc_http::{Page, SITE_NAME};
use serde::{Deserialize, Serialize};

use crate::ui::links::{capitalized, list_path};
use crate::ui::navigation::Navigation;

/// What the layout shows.
#[derive(Debug, Serialize)]
pub(crate) struct LayoutContext {
    head: Head,
    user: Option<UserName>,
    navigation: Option<Navigation>,
    messages: Vec<Message>,
    csrf: String,
    crumbs: Vec<Breadcrumb>,
}

#[derive(Debug, Serialize)]
struct Head {
    title: String,
}

#[derive(Debug, Serialize)]
struct UserName {
    name: String,
}

impl LayoutContext {
    pub(crate) fn new(
        title: &str,
        user: Option<(String, Navigation)>,
        messages: Vec<Message>,
        csrf: String,
        breadcrumbs: Vec<Breadcrumb>,
    ) -> Self {
        let (name, navigation) = user.unzip();
        Self {
            head: Head {
                title: format!("{title} – {SITE_NAME} administration"),
            },
            user: name.map(|name| UserName { name }),
            navigation,
            messages,
            csrf,
            crumbs: breadcrumbs,
        }
    }
}

/// A message about the last request, shown on the next page.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) level: String,
    pub(crate) text: String,
}

/// A link of the breadcrumb trail.
#[derive(Debug, Serialize)]
pub(crate) struct Breadcrumb {
    label: String,
    href: Option<String>,
}

impl Breadcrumb {
    /// The trail from the index to a page, which comes last and has no link.
    pub(crate) fn trail(steps: &[(&str, &str)], page: &str) -> Vec<Self> {
        let links = [("Home", "/admin/")].iter().chain(steps);
        links
            .map(|(label, href)| Self {
                label: (*label).to_owned(),
                href: Some((*href).to_owned()),
            })
            .chain([Self {
                label: page.to_owned(),
                href: None,
            }])
            .collect()
    }

    /// The trail to a page of a resource's list.
    pub(crate) fn below_list(resource: &Resource, page: &str) -> Vec<Self> {
        let (label, href) = (capitalized(resource.plural), list_path(resource));
        Self::trail(&[(&label, &href)], page)
    }
}

/// A page within the layout.
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
