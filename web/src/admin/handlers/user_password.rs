//! Somebody else's password, which is set on a page of its own.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use oc_core::User;
use oc_core::accounts::{Session, password};

use crate::admin::asked::with_filters;
use crate::admin::field::{ErrorSummary, Section};
use crate::admin::form::Fields;
use crate::admin::frame::{Crumb, Visit, see_other};
use crate::admin::fresh::{Posted, Prover};
use crate::admin::hashing::Hashing;
use crate::admin::messages;
use crate::admin::models::{self, change_path};
use crate::admin::password_page::{self, Mistakes, PasswordPage, RULES};
use crate::admin::popup::Way;
use crate::admin::signed_in::SignedIn;
use crate::admin::store::PASSWORD;
use crate::db::Db;
use crate::error::PageError;

/// The page that sets somebody's password.
pub(in crate::admin) async fn edit(
    visit: Visit,
    user: SignedIn,
    db: Data<Db>,
    id: Path<String>,
) -> Result<HttpResponse, PageError> {
    match super::account(&user, &db, &id).await? {
        Some(owner) => show(&visit, &user, &owner, StatusCode::OK, Mistakes::default()),
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
    let mistakes = Mistakes::of(&new, fields.text("password2"), &owner.about());
    if !mistakes.is_empty() {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return show(&visit, &user, &owner, status, mistakes);
    }
    let hash = hashing.run(move || password::hash(&new)).await?;
    let mark = Session::password_mark(&hash);
    let (actor, owner_id, title) = (user.user.clone(), owner.id, owner.username.clone());
    db.run(move |conn| {
        Ok(conn.write(|conn| {
            User::set_password(conn, owner_id, &hash)?;
            Session::end_all(conn, owner_id, None)?;
            password_page::record(conn, Some(&actor), owner_id, &title)
        })?)
    })
    .await?;
    if owner.id == user.user.id {
        // One's own session goes on under a new id.
        visit.keep(PASSWORD, mark)?;
        visit.session.renew();
    }
    messages::add(&visit.session, "success", "Password changed.".to_owned());
    let model = models::by_key("auth.user").ok_or(PageError::NotFound)?;
    let change = change_path(model, owner.id);
    Ok(see_other(&with_filters(change, &visit.filters())))
}

fn show(
    visit: &Visit,
    user: &SignedIn,
    owner: &User,
    status: StatusCode,
    mistakes: Mistakes,
) -> Result<HttpResponse, PageError> {
    let heading = format!("Change password: {}", owner.username);
    let sections = vec![Section {
        fields: mistakes.fields().into(),
        ..Section::default()
    }];
    let page = PasswordPage {
        heading: heading.clone(),
        notice: None,
        is_own: false,
        error_summary: ErrorSummary::of(&sections),
        sections,
        rules: RULES,
        button: "Change password",
        way: Way::default(),
    };
    let crumbs = Crumb::way(&[("Users", "/admin/auth/user/")], &heading);
    visit.page(status, Some(user), &heading, crumbs, page)
}
