//! Accounts take two steps that no other row takes: a new one begins with its password, and a password is set on a
//! page of its own.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use oc_core::accounts::{Session, Verb, password, policy};
use oc_core::admin::{SaveError, Values};
use oc_core::{User, UserDraft};

use crate::admin::field::{ErrorSummary, FieldView, Section};
use crate::admin::form::Fields;
use crate::admin::frame::{Crumb, Hashing, Visit, see_other};
use crate::admin::fresh::{Posted, Prover};
use crate::admin::models::{self, change_path};
use crate::admin::password_page::{self, PasswordPage, RULES};
use crate::admin::signed_in::SignedIn;
use crate::admin::{messages, popup, save};
use crate::db::Db;
use crate::error::PageError;

const KEY: &str = "auth.user";

/// What is wrong with a password and its repetition.
fn mistakes(new: &str, again: &str, about: &[(&'static str, &str)]) -> (Vec<String>, Vec<String>) {
    let mut errors = (Vec::new(), Vec::new());
    if new.is_empty() {
        errors.0.push("Password is required.".to_owned());
    } else {
        errors.0.extend(
            policy::weaknesses(new, about)
                .iter()
                .map(ToString::to_string),
        );
    }
    if again.is_empty() {
        errors.1.push("Password again is required.".to_owned());
    } else if new != again {
        errors.1.push("The two passwords differ.".to_owned());
    }
    errors
}

/// The first step of a new account.
pub(in crate::admin) async fn new(visit: Visit, user: SignedIn) -> Result<HttpResponse, PageError> {
    may_add(&user)?;
    show_new(
        &visit,
        &user,
        StatusCode::OK,
        String::new(),
        Vec::new(),
        (Vec::new(), Vec::new()),
    )
}

/// Takes the first step, and leads on to the second.
pub(in crate::admin) async fn create(
    visit: Visit,
    user: SignedIn,
    db: Data<Db>,
    hashing: Data<Hashing>,
    prover: Prover,
    fields: Fields,
) -> Result<HttpResponse, PageError> {
    visit.check_form(Some(&user), &fields)?;
    may_add(&user)?;
    let posted = Posted::of(&visit, &user, fields)?;
    if let Some(page) = prover.ask(&visit, &user, &posted).await? {
        return Ok(page);
    }
    let fields = posted.form;
    let model = models::by_key(KEY).ok_or(PageError::NotFound)?;
    let username = fields.text("username").to_owned();
    let draft = UserDraft {
        username: username.clone(),
        ..UserDraft::default()
    };
    let mut name_errors: Vec<String> = draft
        .check()
        .err()
        .unwrap_or_default()
        .iter()
        .map(ToString::to_string)
        .collect();
    let (new, again) = (
        fields.text("password1").to_owned(),
        fields.text("password2"),
    );
    let errors = mistakes(&new, again, &[("username", &username)]);
    if name_errors.is_empty() && errors.0.is_empty() && errors.1.is_empty() {
        let hash = hashing.run(move || password::hash(&new)).await?;
        let (actor, rights, name) = (user.user.clone(), user.rights.clone(), username.clone());
        let saved = db
            .run(move |conn| {
                let values = Values::default()
                    .with("username", name)
                    .with_yes("is_active", true);
                let saved = conn.write(|conn| {
                    let object = save::row(conn, &actor, &rights, model, None, &values)?;
                    User::set_password(conn, object.id, &hash)?;
                    Ok::<_, SaveError>(object)
                });
                match saved {
                    Ok(object) => Ok(Ok(object)),
                    Err(SaveError::Invalid(errors)) => Ok(Err(errors)),
                    Err(SaveError::Database(error)) => Err(error.into()),
                    Err(error) => Err(PageError::Internal(error.into())),
                }
            })
            .await?;
        match saved {
            Ok(object) => {
                let text = format!(
                    "Added user \"{}\". You can go on editing below.",
                    object.title
                );
                messages::add(&visit.session, "success", text);
                let second_step = change_path(model, object.id);
                // The second step stands in the same small window, if there is one.
                return Ok(see_other(&if popup::is_one(&visit) {
                    format!("{second_step}?{}", visit.request.query_string())
                } else {
                    second_step
                }));
            }
            Err(errors) => name_errors.extend(errors.iter().map(ToString::to_string)),
        }
    }
    show_new(
        &visit,
        &user,
        StatusCode::UNPROCESSABLE_ENTITY,
        username,
        name_errors,
        errors,
    )
}

/// The page that sets somebody's password.
pub(in crate::admin) async fn edit(
    visit: Visit,
    user: SignedIn,
    db: Data<Db>,
    id: Path<String>,
) -> Result<HttpResponse, PageError> {
    match super::account(&user, &db, &id).await? {
        Some(owner) => show(
            &visit,
            &user,
            &owner,
            StatusCode::OK,
            (Vec::new(), Vec::new()),
        ),
        None => super::unknown_account(&visit, &id),
    }
}

/// Sets it, and ends that account's sessions.
pub(in crate::admin) async fn update(
    visit: Visit,
    user: SignedIn,
    db: Data<Db>,
    hashing: Data<Hashing>,
    id: Path<String>,
    prover: Prover,
    fields: Fields,
) -> Result<HttpResponse, PageError> {
    visit.check_form(Some(&user), &fields)?;
    let Some(owner) = super::account(&user, &db, &id).await? else {
        return super::unknown_account(&visit, &id);
    };
    let posted = Posted::of(&visit, &user, fields)?;
    if let Some(page) = prover.ask(&visit, &user, &posted).await? {
        return Ok(page);
    }
    let fields = posted.form;
    let new = fields.text("password1").to_owned();
    let errors = mistakes(&new, fields.text("password2"), &owner.about());
    if !(errors.0.is_empty() && errors.1.is_empty()) {
        return show(
            &visit,
            &user,
            &owner,
            StatusCode::UNPROCESSABLE_ENTITY,
            errors,
        );
    }
    let hash = hashing.run(move || password::hash(&new)).await?;
    let (actor, owner_id, title) = (user.user.clone(), owner.id, owner.username.clone());
    db.run(move |conn| {
        Ok(conn.write(|conn| {
            User::set_password(conn, owner_id, &hash)?;
            Session::end_all(conn, owner_id, None)?;
            password_page::record(conn, &actor, owner_id, &title)
        })?)
    })
    .await?;
    if owner.id == user.user.id {
        // One's own session goes on under a new id.
        visit.session.renew();
    }
    messages::add(&visit.session, "success", "Password changed.".to_owned());
    let model = models::by_key(KEY).ok_or(PageError::NotFound)?;
    Ok(see_other(&change_path(model, owner.id)))
}

/// Whoever adds an account goes on to change it.
fn may_add(user: &SignedIn) -> Result<(), PageError> {
    let may = |verb| user.rights.may(verb, "auth", "user");
    if may(Verb::Add) && may(Verb::Change) {
        Ok(())
    } else {
        Err(PageError::Forbidden)
    }
}

fn passwords(errors: (Vec<String>, Vec<String>)) -> [FieldView; 2] {
    [
        FieldView::password("password1", "Password", "new-password", errors.0),
        FieldView::password("password2", "Password again", "new-password", errors.1),
    ]
}

fn show(
    visit: &Visit,
    user: &SignedIn,
    owner: &User,
    status: StatusCode,
    errors: (Vec<String>, Vec<String>),
) -> Result<HttpResponse, PageError> {
    let heading = format!("Change password: {}", owner.username);
    let sections = vec![Section {
        title: None,
        description: None,
        inside: None,
        fields: passwords(errors).into(),
    }];
    page(visit, user, status, heading, sections, "Change password")
}

fn show_new(
    visit: &Visit,
    user: &SignedIn,
    status: StatusCode,
    username: String,
    name_errors: Vec<String>,
    errors: (Vec<String>, Vec<String>),
) -> Result<HttpResponse, PageError> {
    let name = FieldView {
        id: "id_username".to_owned(),
        name: "username".to_owned(),
        label: "Username".to_owned(),
        kind: "text",
        value: username,
        size: 40,
        max: Some(150),
        required: true,
        errors: name_errors,
        autocomplete: Some("off"),
        ..FieldView::default()
    };
    let fields = [name].into_iter().chain(passwords(errors)).collect();
    let sections = vec![Section {
        title: None,
        description: None,
        inside: None,
        fields,
    }];
    page(visit, user, status, "Add user".to_owned(), sections, "Save")
}

fn page(
    visit: &Visit,
    user: &SignedIn,
    status: StatusCode,
    heading: String,
    sections: Vec<Section>,
    button: &'static str,
) -> Result<HttpResponse, PageError> {
    let title = heading.clone();
    let error_summary = ErrorSummary::of(&sections);
    let page = PasswordPage {
        heading,
        notice: None,
        is_own: false,
        error_summary,
        sections,
        rules: RULES,
        button,
    };
    visit.page(
        status,
        Some(user),
        &title,
        Crumb::way(&[("Users", "/admin/auth/user/")], &title),
        page,
    )
}
