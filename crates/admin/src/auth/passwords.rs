//! Password pages: the user's own, and those of other users. The page to add a user has the same fields.

use accounts::{User, policy};
use actix_web::http::StatusCode;
use oc_http::{Page, PageError, PageResult};
use serde::Serialize;

use crate::auth::account::replace_password;
use crate::auth::staff_request::StaffRequest;
use crate::auth::throttle::AuthError;
use crate::registry::ACCOUNTS;
use crate::ui::field::{Button, ErrorSummary, FieldView, Section};
use crate::ui::layout::Breadcrumb;
use crate::ui::links::{change_path, with_filters};
use crate::ui::submission::Submission;

const REQUIRED_NOTICE: &str =
    "Choose a new password to continue. The one you logged in with must be changed.";

#[derive(Serialize)]
pub(crate) struct PasswordPage {
    pub(crate) notice: Option<&'static str>,
    is_own: bool,
    sections: Vec<Section>,
    buttons: Vec<Button>,
    error_summary: Option<ErrorSummary>,
}

impl Page for PasswordPage {
    const TEMPLATE: &'static str = "admin/password.html";
}

impl PasswordPage {
    pub(crate) fn new(fields: Vec<FieldView>, buttons: Vec<Button>) -> Self {
        Self {
            notice: None,
            is_own: false,
            error_summary: ErrorSummary::for_fields(fields.iter()),
            sections: vec![fields.into()],
            buttons,
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self.error_summary {
            Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
            None => StatusCode::OK,
        }
    }
}

/// A password that must be changed is not changed to itself.
pub(crate) const SAME_PASSWORD: &str = "Choose a password that differs from the current one.";

/// The check box that makes a password temporary, which staff set for somebody else.
pub(crate) const TEMPORARY: &str = "must_change_password";

pub(crate) fn temporary_field(submission: Option<&Submission>) -> FieldView {
    FieldView {
        checked: submission.is_none_or(|submission| submission.has(TEMPORARY)),
        help: Some("The user has to choose a new password.".to_owned()),
        ..FieldView::new(TEMPORARY, "Change at next login", "checkbox")
    }
}

/// Names and labels of the fields for a password and its confirmation.
pub(crate) struct NewPasswordFields([(&'static str, &'static str); 2]);

pub(crate) type NewPasswordErrors = [Vec<String>; 2];

pub(super) const OWN: NewPasswordFields = NewPasswordFields([
    ("new_password1", "New password"),
    ("new_password2", "Confirm new password"),
]);

pub(crate) const ANOTHER: NewPasswordFields =
    NewPasswordFields([("password1", "Password"), ("password2", "Confirm password")]);

impl NewPasswordFields {
    pub(crate) fn password<'a>(&self, submission: &'a Submission) -> &'a str {
        submission.text(self.0[0].0)
    }

    /// Checks a password against the rules; it must not resemble what is known about its user.
    pub(crate) fn check(
        &self,
        submission: &Submission,
        about: &[(&'static str, &str)],
    ) -> NewPasswordErrors {
        let [password, confirmation] = self.0.map(|(name, label)| (submission.text(name), label));
        let required = |label| vec![format!("{label} is required.")];
        [
            match password {
                ("", label) => required(label),
                (text, _) => policy::weaknesses(text, about),
            },
            match confirmation {
                ("", label) => required(label),
                (text, _) if text != password.0 => vec!["The passwords don't match.".to_owned()],
                _ => Vec::new(),
            },
        ]
    }

    pub(crate) fn views(&self, errors: NewPasswordErrors) -> impl Iterator<Item = FieldView> {
        let fields = self.0.into_iter().zip(errors);
        fields
            .map(|((name, label), errors)| FieldView::password(name, label, "new-password", errors))
    }
}

pub(crate) async fn edit_own(staff: StaffRequest) -> PageResult {
    show_own(&staff, None, NewPasswordErrors::default())
}

/// Checks the current and the new password, and ends every other session.
pub(crate) async fn update_own(staff: StaffRequest, submission: Submission) -> PageResult {
    let submission = staff.accept(submission)?;
    // The form asks for the current password; with two-factor authentication a code is required as well.
    if staff.user.has_factor {
        staff.require_reauth(&submission).await?;
    }
    let current = submission.text("old_password");
    let current_error = if current.is_empty() {
        Some("Current password is required.".to_owned())
    } else {
        // Throttled, because somebody may have found an open browser.
        let error = staff.check_password(current, None).await?.err();
        let text = error.map(|error| error.message("Your current password is incorrect."));
        if let Some(error @ AuthError::Throttled(_)) = error {
            let none = NewPasswordErrors::default();
            return error.respond(show_own(&staff, text, none));
        }
        text
    };
    let mut errors = OWN.check(&submission, &staff.user.user.about());
    if staff.user.user.must_change_password && OWN.password(&submission) == current {
        errors[0].push(SAME_PASSWORD.to_owned());
    }
    if current_error.is_some() || errors != NewPasswordErrors::default() {
        return show_own(&staff, current_error, errors);
    }
    let password = OWN.password(&submission);
    change(&staff, staff.actor(), password, false).await?;
    let response = staff.succeed("Your password has been changed.", "/admin/");
    staff.remember_browser(response).await
}

pub(crate) async fn edit(staff: StaffRequest) -> PageResult {
    let (owner, errors) = (staff.find_account().await?, NewPasswordErrors::default());
    show(&staff, &owner, None, errors)
}

pub(crate) async fn update(staff: StaffRequest, submission: Submission) -> PageResult {
    let submission = staff.accept(submission)?;
    let owner = staff.find_account().await?;
    staff.require_reauth(&submission).await?;
    let errors = ANOTHER.check(&submission, &owner.about());
    if errors != NewPasswordErrors::default() {
        return show(&staff, &owner, Some(&submission), errors);
    }
    let form = change_path(ACCOUNTS, owner.id);
    let is_own = owner.id == staff.user.user.id;
    let is_temporary = !is_own && submission.has(TEMPORARY);
    let password = ANOTHER.password(&submission);
    change(&staff, owner, password, is_temporary).await?;
    let response = staff.succeed("Password changed.", &with_filters(form, &staff.filters()));
    if is_own {
        staff.remember_browser(response).await
    } else {
        Ok(response)
    }
}

/// Sets a password and ends the owner's sessions. The current session continues under a new key.
async fn change(
    staff: &StaffRequest,
    owner: User,
    password: &str,
    is_temporary: bool,
) -> Result<(), PageError> {
    let hash = staff.state.hasher.hash(password.to_owned()).await?;
    let (registry, actor, new_hash) = (staff.registry(), staff.actor(), hash.clone());
    let is_own = owner.id == actor.id;
    staff
        .write(move |conn| {
            replace_password(
                conn,
                registry,
                Some(&actor),
                &owner,
                &new_hash,
                is_temporary,
            )
        })
        .await?;
    if is_own {
        staff.session.continue_with_password(&hash)?;
    }
    Ok(())
}

fn show_own(
    staff: &StaffRequest,
    current_error: Option<String>,
    errors: NewPasswordErrors,
) -> PageResult {
    let current = FieldView::password(
        "old_password",
        "Current password",
        "current-password",
        current_error.into_iter().collect(),
    );
    let fields = [current].into_iter().chain(OWN.views(errors)).collect();
    let must_change = staff.user.user.must_change_password;
    let page = PasswordPage {
        is_own: true,
        notice: must_change.then_some(REQUIRED_NOTICE),
        ..PasswordPage::new(fields, Button::save("Change my password"))
    };
    staff.page_below_index(page.status(), "Change password", page)
}

fn show(
    staff: &StaffRequest,
    owner: &User,
    submission: Option<&Submission>,
    errors: NewPasswordErrors,
) -> PageResult {
    let heading = format!("Change password: {}", owner.username);
    let is_own = owner.id == staff.user.user.id;
    let temporary = (!is_own).then(|| temporary_field(submission));
    let fields = ANOTHER.views(errors).chain(temporary).collect();
    let page = PasswordPage::new(fields, Button::save("Change password"));
    let breadcrumbs = Breadcrumb::below_list(ACCOUNTS, &heading);
    staff.page(page.status(), &heading, breadcrumbs, page)
}
