//! Adding a user: first username and password, then the rest on the change page.

use accounts::{User, UserDraft};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use diesel::OptionalExtension;
use oc_core::admin::{FormValues, Record, Resource, SaveError};
use oc_http::{Db, PageError};

use crate::auth::current_user::CurrentUser;
use crate::auth::password_hasher::PasswordHasher;
use crate::auth::password_page::{PasswordErrors, PasswordPage, RULES};
use crate::auth::reauth::Reauth;
use crate::auth::request::AdminRequest;
use crate::auth::sealed_form;
use crate::form::popup::{continue_editing, return_link};
use crate::form::retry::with_notice;
use crate::form::save::save_object;
use crate::registry::Editor;
use crate::ui::field::{ErrorSummary, FieldView, SAVE_BUTTONS, Section};
use crate::ui::layout::Breadcrumb;
use crate::ui::links::{list_path, see_other};
use crate::ui::submission::Submission;

const TITLE: &str = "Add user";

/// What the page shows.
#[derive(Default)]
struct AddUserForm {
    username: String,
    username_errors: Vec<String>,
    notice: Option<&'static str>,
    password_errors: PasswordErrors,
    submission: Submission,
}

/// The form.
pub(crate) async fn new(
    request: AdminRequest,
    user: CurrentUser,
) -> Result<HttpResponse, PageError> {
    let accounts = accounts_to_add(&request, &user)?;
    let kept = sealed_form::take(&request, &user).unwrap_or_default();
    let form = AddUserForm {
        username: kept.text("username").to_owned(),
        submission: kept,
        ..AddUserForm::default()
    };
    show(&request, &user, accounts, StatusCode::OK, form)
}

/// Adds the user and continues with the change page, or with another user.
pub(crate) async fn create(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    hasher: Data<PasswordHasher>,
    reauth: Reauth,
    submission: Submission,
) -> Result<HttpResponse, PageError> {
    let submission = request.accept(&user, submission)?;
    let accounts = accounts_to_add(&request, &user)?;
    if let Some(page) = reauth.require(&request, &user, &submission).await? {
        return Ok(page);
    }
    let username = submission.text("username").to_owned();
    let password = submission.text("password1").to_owned();
    let password_errors = PasswordErrors::new(
        &password,
        submission.text("password2"),
        &[("username", &username)],
    );
    let mut username_errors = username_errors(&username);
    if username_errors.is_empty() && password_errors.is_empty() {
        let hash = hasher.hash(password).await?;
        match add(&request, &user, &db, accounts, username.clone(), hash).await {
            Ok(Ok(added)) => {
                let title = &added.title;
                let (more, response) = if submission.has("_addanother") {
                    let page = see_other(&request.target());
                    (" You can add another below.", page)
                } else {
                    let page = continue_editing(&request, accounts, &added, &submission);
                    (" You can continue editing below.", page)
                };
                let text = format!("Added user \"{title}\".{more}");
                request.session.add_message("success", text);
                return Ok(response);
            }
            Ok(Err(errors)) => username_errors = errors,
            Err(error) => {
                let form = AddUserForm {
                    username,
                    submission,
                    ..AddUserForm::default()
                };
                let page = |notice, status| {
                    let notice = Some(notice);
                    let form = AddUserForm { notice, ..form };
                    show(&request, &user, accounts, status, form)
                };
                return with_notice(&error, page).unwrap_or(Err(error));
            }
        }
    }
    if username_errors.is_empty() && is_taken(&db, &username).await? {
        username_errors.push("That username is already taken.".to_owned());
    }
    let form = AddUserForm {
        username,
        username_errors,
        password_errors,
        submission,
        ..AddUserForm::default()
    };
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    show(&request, &user, accounts, status, form)
}

/// The resource, for users who may add to it.
fn accounts_to_add(
    request: &AdminRequest,
    user: &CurrentUser,
) -> Result<&'static Resource, PageError> {
    let registry = request.registry();
    let accounts = registry.accounts()?;
    if registry.may_add(&user.rights, accounts) {
        Ok(accounts)
    } else {
        Err(PageError::Forbidden)
    }
}

fn username_errors(username: &str) -> Vec<String> {
    let draft = UserDraft {
        username: username.to_owned(),
        ..UserDraft::default()
    };
    let errors = draft.check().err().unwrap_or_default();
    errors.iter().map(ToString::to_string).collect()
}

async fn is_taken(db: &Data<Db>, username: &str) -> Result<bool, PageError> {
    let draft = UserDraft {
        username: username.to_owned(),
        ..UserDraft::default()
    };
    let Ok(user) = draft.check() else {
        return Ok(false);
    };
    db.read(move |conn| {
        Ok(User::find_by_username(conn, user.username())
            .optional()?
            .is_some())
    })
    .await
}

/// Adds an active user, or returns the errors of the username.
async fn add(
    request: &AdminRequest,
    user: &CurrentUser,
    db: &Data<Db>,
    accounts: &'static Resource,
    username: String,
    hash: String,
) -> Result<Result<Record, Vec<String>>, PageError> {
    let registry = request.registry();
    let (author, permissions) = (user.user.clone(), user.rights.clone());
    db.run(move |conn| {
        let actor = Editor {
            registry,
            user: &author,
            permissions: &permissions,
        };
        let values = FormValues::default()
            .with("username", username)
            .with_yes("is_active", true);
        let saved = conn.write(|conn| {
            let added = save_object(conn, actor, accounts, None, &values)?;
            User::set_password(conn, added.id, &hash)?;
            Ok::<_, SaveError>(added)
        });
        match saved {
            Ok(added) => Ok(Ok(added)),
            Err(SaveError::Invalid(errors)) => {
                Ok(Err(errors.iter().map(ToString::to_string).collect()))
            }
            Err(error) => Err(error.into()),
        }
    })
    .await
}

fn show(
    request: &AdminRequest,
    user: &CurrentUser,
    accounts: &Resource,
    status: StatusCode,
    form: AddUserForm,
) -> Result<HttpResponse, PageError> {
    let name = FieldView {
        id: "id_username".to_owned(),
        name: "username".to_owned(),
        label: "Username".to_owned(),
        kind: "text",
        value: form.username,
        size: 40,
        max: Some(150),
        required: true,
        errors: form.username_errors,
        autocomplete: Some("off"),
        ..FieldView::default()
    };
    let sections = vec![Section {
        fields: [name]
            .into_iter()
            .chain(form.password_errors.fields())
            .collect(),
        ..Section::default()
    }];
    let page = PasswordPage {
        heading: TITLE.to_owned(),
        notice: form.notice,
        is_own: false,
        error_summary: ErrorSummary::of(&sections),
        sections,
        rules: RULES,
        buttons: SAVE_BUTTONS.to_vec(),
        way: return_link(request, &form.submission, accounts),
    };
    let crumbs = Breadcrumb::trail(&[("Users", &list_path(accounts))], TITLE);
    request.page(status, Some(user), TITLE, crumbs, page)
}
