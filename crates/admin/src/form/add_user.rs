//! Adding a user: first username and password, then the rest on the change page.

use accounts::{User, Verb};
use audit::ChangeSet;
use oc_core::admin::{FormValues, Record};
use oc_core::validation::FieldError;
use oc_http::{PageError, PageResult};

use crate::auth::passwords::{
    ANOTHER, NewPasswordErrors, PasswordPage, TEMPORARY, temporary_field,
};
use crate::auth::request::Rollback;
use crate::auth::sealed_form;
use crate::auth::staff_request::StaffRequest;
use crate::form::after_save::redirect_after_save;
use crate::form::page::{form_buttons, with_notice};
use crate::registry::ACCOUNTS;
use crate::ui::field::FieldView;
use crate::ui::layout::Breadcrumb;
use crate::ui::submission::Submission;

const TITLE: &str = "Add user";

/// Errors of the username, and of the password.
type AddUserErrors = (Vec<FieldError>, NewPasswordErrors);

pub(crate) async fn new(staff: StaffRequest) -> PageResult {
    require_add_permission(&staff)?;
    let kept = sealed_form::take(&staff);
    let kept = kept.unwrap_or_else(|| Submission::default().with(TEMPORARY, "on"));
    show(&staff, &kept, None, AddUserErrors::default())
}

/// Adds the user and continues with the change page, or with another user.
pub(crate) async fn create(staff: StaffRequest, submission: Submission) -> PageResult {
    let submission = staff.accept(submission)?;
    require_add_permission(&staff)?;
    staff.require_reauth(&submission).await?;
    let password = ANOTHER.check(&submission, &[("username", submission.text("username"))]);
    let hash = if password == NewPasswordErrors::default() {
        let password = ANOTHER.password(&submission).to_owned();
        Some(staff.state.hasher.hash(password).await?)
    } else {
        None
    };
    match add(&staff, &submission, hash).await {
        Ok(Ok(added)) => {
            let next = if submission.has("_addanother") {
                submission
            } else {
                submission.with("_continue", "")
            };
            redirect_after_save(&staff, ACCOUNTS, &added, &next, "Added").await
        }
        Ok(Err(username)) => show(&staff, &submission, None, (username, password)),
        Err(error) => {
            let errors = (Vec::new(), password);
            let page = async |notice| show(&staff, &submission, Some(notice), errors);
            with_notice(error, page).await
        }
    }
}

fn require_add_permission(staff: &StaffRequest) -> Result<(), PageError> {
    staff.require(Verb::Add, ACCOUNTS)?;
    staff.require(Verb::Change, ACCOUNTS)
}

/// Adds an active user, or returns the errors of the username. Without a password, the user is only checked.
async fn add(
    staff: &StaffRequest,
    submission: &Submission,
    password_hash: Option<String>,
) -> Result<Result<Record, Vec<FieldError>>, PageError> {
    let editor = staff.editor();
    let values = FormValues::default()
        .with("username", submission.text("username"))
        .with_yes("is_active", true);
    let is_temporary = submission.has(TEMPORARY);
    let add = staff.try_write(move |conn| {
        let added = editor.save_object(conn, ACCOUNTS, None, &values, &mut ChangeSet::none());
        let added = added.map_err(Rollback::from_save_error)?;
        let Some(hash) = password_hash else {
            return Err(Rollback::Rejected(Vec::new()));
        };
        User::set_password(conn, added.id, &hash)?;
        User::set_must_change_password(conn, added.id, is_temporary)?;
        Ok(added)
    });
    add.await
}

fn show(
    staff: &StaffRequest,
    submission: &Submission,
    notice: Option<&'static str>,
    (username_errors, password_errors): AddUserErrors,
) -> PageResult {
    let username = FieldView {
        value: submission.text("username").to_owned(),
        max: Some(150),
        required: true,
        errors: username_errors.iter().map(ToString::to_string).collect(),
        ..FieldView::new("username", "Username", "text")
    };
    let passwords = ANOTHER.views(password_errors);
    let fields = [username].into_iter().chain(passwords);
    let fields = fields.chain([temporary_field(Some(submission))]).collect();
    let mut page = PasswordPage::new(fields, form_buttons(staff, ACCOUNTS, false));
    page.notice = notice;
    let breadcrumbs = Breadcrumb::below_list(ACCOUNTS, TITLE);
    staff.page(page.status(), TITLE, breadcrumbs, page)
}
