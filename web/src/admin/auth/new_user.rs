//! A new account, which begins with its password: the first of two steps, which no other row takes.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use diesel::OptionalExtension;
use oc_core::accounts::{Verb, password};
use oc_core::admin::{Model, Object, SaveError, Values};
use oc_core::{User, UserDraft};

use crate::admin::auth::current_user::SignedIn;
use crate::admin::auth::password_hasher::Hashing;
use crate::admin::auth::password_page::{Mistakes, PasswordPage, RULES};
use crate::admin::auth::reauth::{Posted, Prover};
use crate::admin::form::beside;
use crate::admin::form::retry;
use crate::admin::form::save;
use crate::admin::registry;
use crate::admin::ui::field::{ErrorSummary, FieldView, Section};
use crate::admin::ui::form_data::Fields;
use crate::admin::ui::messages;
use crate::admin::ui::popup;
use crate::admin::ui::popup::Way;
use crate::admin::ui::request::{Crumb, Visit};
use crate::db::Db;
use crate::error::PageError;

const TITLE: &str = "Add user";

/// What the first step shows.
#[derive(Default)]
struct Step {
    username: String,
    name_errors: Vec<String>,
    /// Why it was not saved, where nothing is wrong with it.
    notice: Option<&'static str>,
    mistakes: Mistakes,
    /// What was sent, as far as the way back goes.
    sent: Fields,
}

/// The form.
pub(crate) async fn new(visit: Visit, user: SignedIn) -> Result<HttpResponse, PageError> {
    let model = addable(&user)?;
    let left = beside::returned(&visit, &user, model).unwrap_or_default();
    let step = Step {
        username: left.text("username").to_owned(),
        sent: left,
        ..Step::default()
    };
    show(&visit, &user, model, StatusCode::OK, step)
}

/// Takes it, and leads on to the second step.
pub(crate) async fn create(
    visit: Visit,
    user: SignedIn,
    db: Data<Db>,
    hashing: Data<Hashing>,
    prover: Prover,
    fields: Fields,
) -> Result<HttpResponse, PageError> {
    visit.check_form(Some(&user), &fields)?;
    let model = addable(&user)?;
    if let Some(sent) = beside::opened(&visit, &user, &fields) {
        let step = Step {
            sent,
            ..Step::default()
        };
        return show(&visit, &user, model, StatusCode::OK, step);
    }
    if fields.has(beside::CLOSE) {
        return popup::close(&visit, model, &fields);
    }
    let posted = Posted::of(&visit, &user, fields)?;
    if let Some(page) = prover.ask(&visit, &user, &posted).await? {
        return Ok(page);
    }
    let sent = posted.form;
    let username = sent.text("username").to_owned();
    let (password, again) = (sent.text("password1").to_owned(), sent.text("password2"));
    let mistakes = Mistakes::of(&password, again, &[("username", &username)]);
    let mut name_errors = mistakes_in_name(&username);
    if name_errors.is_empty() && mistakes.is_empty() {
        let stored = store(&user, &db, &hashing, model, (username.clone(), password)).await;
        let stored = match stored {
            Ok(stored) => stored,
            Err(error) => {
                let step = Step {
                    username,
                    sent,
                    ..Step::default()
                };
                let page = |notice, status| {
                    let notice = Some(notice);
                    show(&visit, &user, model, status, Step { notice, ..step })
                };
                return retry::answer(&error, page).unwrap_or(Err(error));
            }
        };
        match stored {
            Ok(object) => {
                let title = &object.title;
                let text = format!("Added user \"{title}\". You can continue editing below.");
                messages::add(&visit.session, "success", text);
                return popup::go_on(&visit, model, &object, &sent);
            }
            Err(errors) => name_errors = errors,
        }
    }
    if name_errors.is_empty() && is_taken(&db, &username).await? {
        name_errors.push("That username is already taken.".to_owned());
    }
    let step = Step {
        username,
        name_errors,
        mistakes,
        sent,
        ..Step::default()
    };
    show(&visit, &user, model, StatusCode::UNPROCESSABLE_ENTITY, step)
}

/// Whoever adds an account goes on to change it.
fn addable(user: &SignedIn) -> Result<&'static Model, PageError> {
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
    user: &SignedIn,
    db: &Data<Db>,
    hashing: &Data<Hashing>,
    model: &'static Model,
    (username, new): (String, String),
) -> Result<Result<Object, Vec<String>>, PageError> {
    let hash = hashing.run(move || password::hash(&new)).await?;
    let (actor, rights) = (user.user.clone(), user.rights.clone());
    db.run(move |conn| {
        let values = Values::default()
            .with("username", username)
            .with_yes("is_active", true);
        let saved = conn.write(|conn| {
            let object = save::row(conn, &actor, &rights, model, None, &values)?;
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
    visit: &Visit,
    user: &SignedIn,
    model: &Model,
    status: StatusCode,
    step: Step,
) -> Result<HttpResponse, PageError> {
    let name = FieldView {
        id: "id_username".to_owned(),
        name: "username".to_owned(),
        label: "Username".to_owned(),
        kind: "text",
        value: step.username,
        size: 40,
        max: Some(150),
        required: true,
        errors: step.name_errors,
        autocomplete: Some("off"),
        ..FieldView::default()
    };
    let sections = vec![Section {
        fields: [name].into_iter().chain(step.mistakes.fields()).collect(),
        ..Section::default()
    }];
    let page = PasswordPage {
        heading: TITLE.to_owned(),
        notice: step.notice,
        is_own: false,
        error_summary: ErrorSummary::of(&sections),
        sections,
        rules: RULES,
        button: "Save",
        way: Way::of(visit, &step.sent, model),
    };
    let crumbs = Crumb::way(&[("Users", "/admin/auth/user/")], TITLE);
    visit.page(status, Some(user), TITLE, crumbs, page)
}
