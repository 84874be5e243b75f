//! A new account, which begins with its password: the first of two steps, which no other row takes.

use accounts::{User, UserDraft, Verb, password};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use diesel::OptionalExtension;
use oc_core::admin::{FormValues, Record, Resource, SaveError};

use crate::admin::auth::current_user::CurrentUser;
use crate::admin::auth::password_hasher::PasswordHasher;
use crate::admin::auth::password_page::{PasswordErrors, PasswordPage, RULES};
use crate::admin::auth::reauth::{Posted, Reauth};
use crate::admin::form::{beside, retry, save};
use crate::admin::registry;
use crate::admin::ui::field::{ErrorSummary, FieldView, Section};
use crate::admin::ui::form_data::Submission;
use crate::admin::ui::popup::ReturnLink;
use crate::admin::ui::request::{AdminRequest, Breadcrumb};
use crate::admin::ui::{messages, popup};
use crate::db::Db;
use crate::error::PageError;

const TITLE: &str = "Add user";

/// What the first step shows.
#[derive(Default)]
struct AddUserForm {
    username: String,
    name_errors: Vec<String>,
    /// Why it was not saved, where nothing is wrong with it.
    notice: Option<&'static str>,
    mistakes: PasswordErrors,
    /// What was sent, as far as the way back goes.
    sent: Submission,
}

/// The form.
pub(crate) async fn new(
    request: AdminRequest,
    user: CurrentUser,
) -> Result<HttpResponse, PageError> {
    let model = addable(&user)?;
    let left = beside::returned(&request, &user, model).unwrap_or_default();
    let form = AddUserForm {
        username: left.text("username").to_owned(),
        sent: left,
        ..AddUserForm::default()
    };
    show(&request, &user, model, StatusCode::OK, form)
}

/// Takes it, and leads on to the second step.
pub(crate) async fn create(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    hasher: Data<PasswordHasher>,
    reauth: Reauth,
    fields: Submission,
) -> Result<HttpResponse, PageError> {
    request.check_form(Some(&user), &fields)?;
    let model = addable(&user)?;
    if let Some(sent) = beside::opened(&request, &user, &fields) {
        let form = AddUserForm {
            sent,
            ..AddUserForm::default()
        };
        return show(&request, &user, model, StatusCode::OK, form);
    }
    if fields.has(beside::CLOSE) {
        return popup::close(&request, model, &fields);
    }
    let posted = Posted::of(&request, &user, fields)?;
    if let Some(page) = reauth.require(&request, &user, &posted).await? {
        return Ok(page);
    }
    let sent = posted.form;
    let username = sent.text("username").to_owned();
    let (password, again) = (sent.text("password1").to_owned(), sent.text("password2"));
    let mistakes = PasswordErrors::of(&password, again, &[("username", &username)]);
    let mut name_errors = mistakes_in_name(&username);
    if name_errors.is_empty() && mistakes.is_empty() {
        let stored = store(&user, &db, &hasher, model, (username.clone(), password)).await;
        let stored = match stored {
            Ok(stored) => stored,
            Err(error) => {
                let form = AddUserForm {
                    username,
                    sent,
                    ..AddUserForm::default()
                };
                let page = |notice, status| {
                    let notice = Some(notice);
                    show(
                        &request,
                        &user,
                        model,
                        status,
                        AddUserForm { notice, ..form },
                    )
                };
                return retry::answer(&error, page).unwrap_or(Err(error));
            }
        };
        match stored {
            Ok(object) => {
                let title = &object.title;
                let text = format!("Added user \"{title}\". You can continue editing below.");
                messages::add(&request.session, "success", text);
                return popup::go_on(&request, model, &object, &sent);
            }
            Err(errors) => name_errors = errors,
        }
    }
    if name_errors.is_empty() && is_taken(&db, &username).await? {
        name_errors.push("That username is already taken.".to_owned());
    }
    let form = AddUserForm {
        username,
        name_errors,
        mistakes,
        sent,
        ..AddUserForm::default()
    };
    show(
        &request,
        &user,
        model,
        StatusCode::UNPROCESSABLE_ENTITY,
        form,
    )
}

/// Whoever adds an account goes on to change it.
fn addable(user: &CurrentUser) -> Result<&'static Resource, PageError> {
    let may = |verb| user.rights.may(verb, "auth", "user");
    if may(Verb::Add) && may(Verb::Change) {
        registry::find("auth", "user").ok_or(PageError::NotFound)
    } else {
        Err(PageError::Forbidden)
    }
}

fn mistakes_in_name(username: &str) -> Vec<String> {
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

/// Stores an account of that name with that password, or says what is wrong with the name.
async fn store(
    user: &CurrentUser,
    db: &Data<Db>,
    hasher: &Data<PasswordHasher>,
    model: &'static Resource,
    (username, new): (String, String),
) -> Result<Result<Record, Vec<String>>, PageError> {
    let hash = hasher.run(move || password::hash(&new)).await?;
    let (actor, rights) = (user.user.clone(), user.rights.clone());
    db.run(move |conn| {
        let values = FormValues::default()
            .with("username", username)
            .with_yes("is_active", true);
        let saved = conn.write(|conn| {
            let object = save::save_object(conn, &actor, &rights, model, None, &values)?;
            User::set_password(conn, object.id, &hash)?;
            Ok::<_, SaveError>(object)
        });
        match saved {
            Ok(object) => Ok(Ok(object)),
            Err(SaveError::Invalid(errors)) => {
                Ok(Err(errors.iter().map(ToString::to_string).collect()))
            }
            Err(SaveError::Database(error)) => Err(error.into()),
            Err(error) => Err(PageError::Internal(error.into())),
        }
    })
    .await
}

fn show(
    request: &AdminRequest,
    user: &CurrentUser,
    model: &Resource,
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
        errors: form.name_errors,
        autocomplete: Some("off"),
        ..FieldView::default()
    };
    let sections = vec![Section {
        fields: [name].into_iter().chain(form.mistakes.fields()).collect(),
        ..Section::default()
    }];
    let page = PasswordPage {
        heading: TITLE.to_owned(),
        notice: form.notice,
        is_own: false,
        error_summary: ErrorSummary::of(&sections),
        sections,
        rules: RULES,
        button: "Save",
        way: ReturnLink::of(request, &form.sent, model),
    };
    let crumbs = Breadcrumb::trail(&[("Users", "/admin/auth/user/")], TITLE);
    request.page(status, Some(user), TITLE, crumbs, page)
}
