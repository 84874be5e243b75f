//! A small window beside a form, in which a row is added or changed that the form refers to. Without a script it is
//! a page like any other, which leads back to the form.

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use oc_core::admin::{FieldKind, Record, Resource};
use serde::Serialize;

use crate::admin::auth::current_user::CurrentUser;
use crate::admin::form::beside::{self, CARRIED};
use crate::admin::registry::{self, change_path, list_path};
use crate::admin::ui::field::Hidden;
use crate::admin::ui::form_data::Submission;
use crate::admin::ui::request::{AdminRequest, Breadcrumb, see_other};
use crate::db::Db;
use crate::error::PageError;
use crate::pages::Page;

/// The field that holds the address of the form that a small window belongs to.
pub(crate) const BACK: &str = "_back";

/// The last page of a small window: it tells the script what was chosen.
#[derive(Serialize)]
struct PopupPage {
    heading: String,
    text: String,
    action: &'static str,
    value: String,
    label: String,
    back_href: String,
}

impl Page for PopupPage {
    const TEMPLATE: &'static str = "admin/popup.html";
}

/// Whether a page stands in a small window, or would with a script.
pub(crate) fn is_popup(request: &AdminRequest) -> bool {
    Submission::of_query(request.http.query_string()).has("_popup")
}

/// The form that a small window belongs to: as the window's own form says, or where the link to it stood.
pub(crate) fn back(request: &AdminRequest, sent: &Submission, model: &Resource) -> Option<String> {
    let referrer = request.http.headers().get(header::REFERER);
    let from = match sent.text(BACK) {
        "" => path_of(referrer?.to_str().ok()?)?,
        sent => sent,
    };
    field_for(from, model).map(|_| from.to_owned())
}

/// The way from a page back to the form that it was opened beside, if it was.
#[derive(Default, Serialize)]
pub(crate) struct ReturnLink {
    /// What the page's own form has to hide.
    pub(crate) hidden: Vec<Hidden>,
    /// Where «Close» leads.
    pub(crate) close_href: Option<String>,
    /// Whether «Close» is a button, because it takes along what was typed before.
    pub(crate) closes: bool,
}

impl ReturnLink {
    /// The way back from this page, of which `sent` is known; none from a page that was not opened beside a form.
    pub(crate) fn of(request: &AdminRequest, sent: &Submission, model: &Resource) -> Self {
        let Some(back) = back(request, sent, model).filter(|_| is_popup(request)) else {
            return Self::default();
        };
        let hide = |name: &str, value: &str| Hidden {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        let closes = sent.has(CARRIED);
        let carried = closes.then(|| hide(CARRIED, sent.text(CARRIED)));
        Self {
            hidden: [hide(BACK, &back)].into_iter().chain(carried).collect(),
            close_href: (!closes).then_some(back),
            closes,
        }
    }
}

/// Back to the form as it was left, for who stores nothing here.
pub(crate) fn close(
    request: &AdminRequest,
    model: &Resource,
    sent: &Submission,
) -> Result<HttpResponse, PageError> {
    let back = back(request, sent, model).unwrap_or_else(|| list_path(model));
    beside::lead_back(request, sent, &back)
}

/// The address of the row that is chosen in a form by now, where a button of the form was about another one.
pub(crate) fn chosen_instead(
    request: &AdminRequest,
    model: &Resource,
    id: i64,
    sent: &Submission,
) -> Option<String> {
    let (_, field) = field_for(sent.text(beside::OPEN), model)?;
    let chosen: i64 = sent.text(field).trim().parse().ok()?;
    let query = request.http.query_string();
    (chosen != id).then(|| format!("{}?{query}", change_path(model, chosen)))
}

/// On to a second page about a new row, in the same small window, if there is one. Without a script that page leads back
/// to the form, with the row chosen.
pub(crate) fn go_on(
    request: &AdminRequest,
    model: &Resource,
    object: &Record,
    sent: &Submission,
) -> Result<HttpResponse, PageError> {
    let page = change_path(model, object.id);
    if !is_popup(request) {
        return Ok(see_other(&page));
    }
    let page = format!("{page}?{}", request.http.query_string());
    if let Some(back) = back(request, sent, model).filter(|_| !has_script(request)) {
        let sent = sent.clone().with(BACK, &choosing(&back, model, object.id));
        beside::go_on(request, &page, &sent)?;
    }
    Ok(see_other(&page))
}

fn has_script(request: &AdminRequest) -> bool {
    Submission::of_query(request.http.query_string()).has("_window")
}

/// After a save: a script closes the window and chooses the row; else the way leads back to the form, with the row
/// chosen.
pub(crate) async fn finish_popup(
    request: &AdminRequest,
    user: &CurrentUser,
    db: &Db,
    model: &Resource,
    object: &Record,
    sent: &Submission,
    text: String,
) -> Result<HttpResponse, PageError> {
    let back = back(request, sent, model);
    if let Some(back) = back.as_ref().filter(|_| !has_script(request)) {
        crate::admin::ui::messages::add(&request.session, "success", text);
        return beside::lead_back(request, sent, &choosing(back, model, object.id));
    }
    // What it is called among the choices may be more than its title.
    let id = object.id.to_string();
    let label = match back.and_then(|back| field_for(&back, model)) {
        None => None,
        Some((owner, field)) => {
            let id = id.clone();
            db.read(move |conn| Ok(owner.label_of(conn, field, &id)?))
                .await?
        }
    };
    let heading = registry::capitalized(model.singular);
    let list = list_path(model);
    let page = PopupPage {
        heading: heading.clone(),
        text,
        action: if sent.has(crate::admin::form::page::VERSION) {
            "change"
        } else {
            "add"
        },
        value: id,
        label: label.unwrap_or_else(|| object.title.clone()),
        back_href: list.clone(),
    };
    let plural = registry::capitalized(model.plural);
    let step = registry::may_view(&user.rights, model).then_some((plural.as_str(), list.as_str()));
    let crumbs = Breadcrumb::trail(step.as_slice(), &object.title);
    request.page(StatusCode::OK, Some(user), &heading, crumbs, page)
}

/// The address of a form, with a row chosen in it.
fn choosing(back: &str, model: &Resource, id: i64) -> String {
    let Some((_, field)) = field_for(back, model) else {
        return back.to_owned();
    };
    let (path, query) = back.split_once('?').unwrap_or((back, ""));
    let kept = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != field);
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(kept)
        .append_pair(field, &id.to_string())
        .finish();
    format!("{path}?{query}")
}

/// The model of the form at that address, and its field in which rows of the model are chosen; `None` for what is no such form.
fn field_for(address: &str, model: &Resource) -> Option<(&'static Resource, &'static str)> {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    let steps: Vec<&str> = path.split('/').collect();
    let owner = match steps.as_slice() {
        ["", "admin", app, name, "add", ""] => registry::find(app, name),
        ["", "admin", app, name, id, "change", ""] if id.parse::<i64>().is_ok() => {
            registry::find(app, name)
        }
        _ => None,
    }?;
    let of = (model.app, model.name);
    let mut fields = owner.fields.iter();
    let field = fields.find(|field| field.kind == FieldKind::Choice { of: Some(of) })?;
    Some((owner, field.name))
}

/// The path and query of an address, whichever host it names.
fn path_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    rest.find('/').map(|slash| &rest[slash..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address() -> &'static Resource {
        registry::find("lettings", "address").unwrap()
    }

    #[test]
    fn the_way_back_leads_to_a_form_that_has_such_a_choice_and_nowhere_else() {
        let field = |path| field_for(path, address()).map(|(_, field)| field);

        assert_eq!(field("/admin/lettings/letting/add/"), Some("address"));
        assert_eq!(
            field("/admin/lettings/letting/7/change/?x=1"),
            Some("address")
        );
        for path in [
            "/admin/profiles/profile/add/",
            "/admin/lettings/letting/x/change/",
            "/admin/lettings/letting/",
            "//evil.example/admin/lettings/letting/add/",
            "https://evil.example/",
        ] {
            assert_eq!(field(path), None, "{path}");
        }
    }

    #[test]
    fn the_new_row_is_chosen_there() {
        assert_eq!(
            choosing("/admin/lettings/letting/add/?address=1&q=a+b", address(), 7),
            "/admin/lettings/letting/add/?q=a+b&address=7"
        );
        assert_eq!(path_of("http://localhost:1/a?b"), Some("/a?b"));
    }
}
