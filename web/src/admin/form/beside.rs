//! What was typed into a form while another row is added or changed beside it, for browsers without a script, which
//! have no small windows: a button of the form opens the other page, and sends it all that was typed.
//!
//! There it lies sealed. For the one step back, which is a redirect, the session holds it.

use oc_core::admin::{FieldKind, Resource};

use crate::admin::auth::current_user::CurrentUser;
use crate::admin::auth::sealed_form::{self, Until};
use crate::admin::ui::form_data::Submission;
use crate::admin::ui::popup::BACK;
use crate::admin::ui::request::{AdminRequest, see_other};
use crate::error::PageError;

/// The button that opens another page beside a form; its value is the address of the form.
pub(crate) const OPEN: &str = "_beside";
/// The button that leads back and stores nothing.
pub(crate) const CLOSE: &str = "_close";
/// The field of the page beside that holds the form, sealed.
pub(crate) const CARRIED: &str = "_carried";

/// Where the session holds the form that is led back to.
const RETURNED: &str = "returned";
/// Where it holds what goes along to a second page.
const TAKEN_ALONG: &str = "taken_along";

/// What the page beside has to hide in its own form, where it was opened by such a button.
pub(crate) fn opened(
    request: &AdminRequest,
    user: &CurrentUser,
    sent: &Submission,
) -> Option<Submission> {
    if !sent.has(OPEN) {
        return None;
    }
    let back = sent.text(OPEN).to_owned();
    let carried = sealed_form::seal(request, user, Until::Returned, path(&back), sent);
    Some(
        Submission::default()
            .with(BACK, &back)
            .with(CARRIED, &carried),
    )
}

/// Back to the form, which is as it was left.
pub(crate) fn lead_back(
    request: &AdminRequest,
    sent: &Submission,
    href: &str,
) -> Result<actix_web::HttpResponse, PageError> {
    if sent.has(CARRIED) {
        request.keep(RETURNED, (href, sent.text(CARRIED)))?;
    }
    Ok(see_other(href))
}

/// Keeps a form for the step back to its own page. The page of a row shows it as it was sent; others begin anew.
pub(crate) fn keep(
    request: &AdminRequest,
    user: &CurrentUser,
    href: &str,
    sent: &Submission,
) -> Result<(), PageError> {
    let is_of_row = ["/add/", "/change/"]
        .iter()
        .any(|end| path(href).ends_with(end));
    if is_of_row {
        // A password is never shown again.
        let sent = sent.clone().with("password1", "").with("password2", "");
        let carried = sealed_form::seal(request, user, Until::Returned, path(href), &sent);
        request.keep(RETURNED, (href, carried))?;
    }
    Ok(())
}

/// Takes along to a second page about the same row what the first one hid in its form.
pub(crate) fn go_on(
    request: &AdminRequest,
    href: &str,
    sent: &Submission,
) -> Result<(), PageError> {
    request.keep(TAKEN_ALONG, (href, sent.text(BACK), sent.text(CARRIED)))
}

/// What the second page has to hide in its form, where this request is the step to it.
pub(crate) fn taken_along(request: &AdminRequest) -> Submission {
    let taken: Option<(String, String, String)> = request.session.get(TAKEN_ALONG).ok().flatten();
    let Some((_, back, carried)) = taken.filter(|(href, ..)| is_same(href, &request.target()))
    else {
        return Submission::default();
    };
    request.session.remove(TAKEN_ALONG);
    let fields = Submission::default().with(BACK, &back);
    if carried.is_empty() {
        fields
    } else {
        fields.with(CARRIED, &carried)
    }
}

/// The form as it was left, where this request is the step back to it; the address may say what is chosen in it now.
pub(crate) fn returned(
    request: &AdminRequest,
    user: &CurrentUser,
    model: &Resource,
) -> Option<Submission> {
    let (href, carried): (String, String) = request.session.get(RETURNED).ok()??;
    if !is_same(&href, &request.target()) {
        return None;
    }
    request.session.remove(RETURNED);
    let form = sealed_form::open(request, user, Until::Returned, path(&href), &carried)?;
    let query = Submission::of_query(request.http.query_string());
    let choices = model
        .fields
        .iter()
        .filter(|field| matches!(field.kind, FieldKind::Choice { .. }));
    let chosen = choices.filter(|field| query.has(field.name));
    Some(chosen.fold(form, |form, field| {
        form.with(field.name, query.text(field.name))
    }))
}

/// The path of an address.
fn path(address: &str) -> &str {
    address.split(['?', '#']).next().unwrap_or_default()
}

/// Whether two addresses are one, however a browser wrote its query.
fn is_same(one: &str, other: &str) -> bool {
    let query = |address: &str| {
        let (_, query) = address.split_once('?').unwrap_or_default();
        Submission::of_query(query)
    };
    path(one) == path(other) && query(one) == query(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_same_however_its_query_is_written() {
        let known = "/admin/lettings/letting/add/?q=a%27b&address=7";

        assert!(is_same(
            known,
            "/admin/lettings/letting/add/?q=a'b&address=7"
        ));
        assert!(!is_same(
            known,
            "/admin/lettings/letting/add/?q=a'b&address=8"
        ));
        assert!(!is_same(
            known,
            "/admin/lettings/letting/1/change/?q=a'b&address=7"
        ));
    }
}
