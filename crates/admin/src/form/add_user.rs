//! Adding a user: first username and password, then the rest on the change page.

use accounts::{User, UserDraft, Verb};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use audit::ChangeSet;
use diesel::OptionalExtension;
use oc_core::admin::{FormValues, Record, Resource};
use oc_core::validation::FieldError;
use oc_http::{PageError, PageResult};

use crate::auth::passwords::{
    ANOTHER, NewPasswordErrors, PasswordPage, TEMPORARY, temporary_field,
};
use crate::auth::request::Rollback;
use crate::auth::sealed_form;
use crate::auth::staff_request::StaffRequest;
use crate::form::page::with_notice;
use crate::ui::field::{FieldView, SAVE_BUTTONS};
use crate::ui::layout::{Breadcrumb, Message};
use crate::ui::links::{change_path, see_other, with_query};
use crate::ui::submission::Submission;

const TITLE: &str = "Add user";

#[derive(Default)]
struct AddUserErrors {
    notice: Option<&'static str>,
    username: Vec<String>,
    password: NewPasswordErrors,
}

pub(crate) async fn new(staff: StaffRequest) -> PageResult {
    let accounts = accounts_to_add(&staff)?;
    let kept = sealed_form::take(&staff);
    let kept = kept.unwrap_or_else(|| Submission::default().with(TEMPORARY, "on"));
    let errors = AddUserErrors::default();
    show(&staff, accounts, StatusCode::OK, &kept, errors)
}

/// Adds the user and continues with the change page, or with another user.
pub(crate) async fn create(staff: StaffRequest, submission: Submission) -> PageResult {
    let submission = staff.accept(submission)?;
    let accounts = accounts_to_add(&staff)?;
    if let Some(page) = staff.require_reauth(&submission).await? {
        return Ok(page);
    }
    let username = submission.text("username");
    let draft = UserDraft {
        username: username.to_owned(),
        ..UserDraft::default()
    };
    let checked = draft.check();
    let mut errors = AddUserErrors {
        username: checked.as_ref().map_or_else(|it| texts(it), |_| Vec::new()),
        password: ANOTHER.check(&submission, &[("username", username)]),
        notice: None,
    };
    if checked.is_ok() && errors.password == NewPasswordErrors::default() {
        let hash = staff
            .state
            .hasher
            .hash(ANOTHER.password(&submission).to_owned())
            .await?;
        let password = (hash, submission.has(TEMPORARY));
        match add(&staff, accounts, username.to_owned(), password).await {
            Ok(Ok(added)) => return Ok(redirect_to_next(&staff, accounts, &added, &submission)),
            Ok(Err(invalid)) => errors.username = texts(&invalid),
            Err(error) => {
                let page = async |notice| {
                    let errors = AddUserErrors {
                        notice: Some(notice),
                        ..AddUserErrors::default()
                    };
                    show(&staff, accounts, StatusCode::OK, &submission, errors)
                };
                return with_notice(error, page).await;
            }
        }
    } else if let Ok(user) = checked {
        let known =
            staff.read(move |conn| User::find_by_username(conn, user.username()).optional());
        if known.await?.is_some() {
            errors.username = vec!["That username is already taken.".to_owned()];
        }
    }
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    show(&staff, accounts, status, &submission, errors)
}

fn redirect_to_next(
    staff: &StaffRequest,
    accounts: &Resource,
    added: &Record,
    submission: &Submission,
) -> HttpResponse {
    let (more, response) = if submission.has("_addanother") {
        ("You can add another below.", see_other(&staff.target()))
    } else {
        let query = if staff.is_popup() {
            staff.http.query_string()
        } else {
            ""
        };
        let page = with_query(&change_path(accounts, added.id), query);
        ("You can continue editing below.", see_other(&page))
    };
    let href = staff.object_href(accounts, added.id);
    staff
        .session
        .add(Message::done("Added", accounts, &added.title, href).and(more));
    response
}

fn accounts_to_add(staff: &StaffRequest) -> Result<&'static Resource, PageError> {
    let accounts = staff.registry().accounts()?;
    staff.require(Verb::Add, accounts)?;
    staff.require(Verb::Change, accounts)?;
    Ok(accounts)
}

fn texts(errors: &[FieldError]) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

/// Adds an active user, or returns the errors of the username.
async fn add(
    staff: &StaffRequest,
    accounts: &'static Resource,
    username: String,
    (hash, is_temporary): (String, bool),
) -> Result<Result<Record, Vec<FieldError>>, PageError> {
    let editor = staff.editor();
    let values = FormValues::default()
        .with("username", username)
        .with_yes("is_active", true);
    let add = staff.try_write(move |conn| {
        let added = editor.save_object(conn, accounts, None, &values, &mut ChangeSet::none());
        let added = added.map_err(Rollback::from_save_error)?;
        User::set_password(conn, added.id, &hash)?;
        User::set_must_change_password(conn, added.id, is_temporary)?;
        Ok(added)
    });
    add.await
}

fn show(
    staff: &StaffRequest,
    accounts: &Resource,
    status: StatusCode,
    submission: &Submission,
    errors: AddUserErrors,
) -> PageResult {
    let username = FieldView {
        value: submission.text("username").to_owned(),
        max: Some(150),
        required: true,
        errors: errors.username,
        ..FieldView::new("username", "Username", "text")
    };
    let passwords = ANOTHER.views(errors.password);
    let fields = [username].into_iter().chain(passwords);
    let fields = fields.chain([temporary_field(Some(submission))]).collect();
    let mut page = PasswordPage::new(fields, SAVE_BUTTONS.to_vec());
    page.notice = errors.notice;
    let breadcrumbs = Breadcrumb::below_list(accounts, TITLE);
    staff.page(status, TITLE, breadcrumbs, page)
}
