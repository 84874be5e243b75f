//! The navigation on every page: the models that a user has permissions on.

use accounts::Verb;
use oc_core::admin::Resource;
use serde::Serialize;

use crate::editor::Editor;
use crate::registry::DIAGNOSTICS;
use crate::ui::links::{DIAGNOSTICS_PATH, LOG_PATH, capitalized, list_path};

/// The apps, and the pages about the site as a whole.
#[derive(Debug, Serialize)]
pub(crate) struct Navigation {
    home: PageLink,
    apps: Vec<AppLinks>,
    system: Vec<PageLink>,
}

#[derive(Debug, Serialize)]
struct AppLinks {
    name: &'static str,
    label: &'static str,
    href: String,
    models: Vec<PageLink>,
}

/// A link of the navigation. The link of a model has no address if its objects may not be viewed, and may have others.
#[derive(Debug, Serialize)]
struct PageLink {
    label: String,
    href: Option<String>,
    /// `aria-current`: whether the open page is this one, or below it.
    current: Option<&'static str>,
    add_href: Option<String>,
    change_label: Option<&'static str>,
}

impl PageLink {
    fn new(label: &str, href: Option<String>, path: &str) -> Self {
        let current = match &href {
            Some(href) if path == href => Some("page"),
            Some(href) if path.starts_with(href) => Some("true"),
            _ => None,
        };
        Self {
            label: label.to_owned(),
            href,
            current,
            add_href: None,
            change_label: None,
        }
    }

    /// The list of a resource.
    fn for_list(editor: &Editor, resource: &Resource, path: &str) -> Self {
        let list = list_path(resource);
        let add_href = format!("{list}add/");
        let list = editor.may_view(resource).then_some(list);
        Self {
            add_href: editor.may_add(resource).then_some(add_href),
            change_label: if editor.may(Verb::Change, resource) {
                Some("Change")
            } else {
                editor.may(Verb::View, resource).then_some("View")
            },
            ..Self::new(&capitalized(resource.plural), list, path)
        }
    }
}

impl Navigation {
    /// The navigation for these permissions on the page at `path`.
    pub(crate) fn new(editor: &Editor, path: &str) -> Self {
        let mut apps: Vec<AppLinks> = Vec::new();
        let resources = editor.registry.all();
        for resource in resources.filter(|resource| editor.may_open(resource)) {
            let list = PageLink::for_list(editor, resource, path);
            match apps.last_mut() {
                Some(app) if app.name == resource.app => app.models.push(list),
                _ => apps.push(AppLinks {
                    name: resource.app,
                    label: resource.app_label,
                    href: format!("/admin/{}/", resource.app),
                    models: vec![list],
                }),
            }
        }
        let has_log = editor.permissions.are_all() || editor.viewable_resources().next().is_some();
        let has_diagnostics = editor.permissions.has(DIAGNOSTICS);
        let link = |label, href: &str| PageLink::new(label, Some(href.to_owned()), path);
        let system = [
            has_log.then(|| link("Log", LOG_PATH)),
            has_diagnostics.then(|| link("Diagnostics", DIAGNOSTICS_PATH)),
        ];
        let mut home = link("Home", "/admin/");
        home.current = home.current.filter(|current| *current == "page");
        Self {
            home,
            apps,
            system: system.into_iter().flatten().collect(),
        }
    }
}
