//! Somebody else's password, which is set on a page of its own.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use oc_core::User;
use oc_core::accounts::{Session, password};

use crate::admin::auth::current_user::SignedIn;
use crate::admin::auth::password_hasher::Hashing;
use crate::admin::auth::password_page::{self, Mistakes, PasswordPage, RULES};
use crate::admin::auth::reauth::{Posted, Prover};
use crate::admin::auth::session_store::PASSWORD;
use crate::admin::list::query::with_filters;
use crate::admin::registry::{self, change_path};
use crate::admin::ui::field::{ErrorSummary, Section};
use crate::admin::ui::form_data::Fields;
use crate::admin::ui::messages;
use crate::admin::ui::popup::Way;
use crate::admin::ui::request::{Crumb, Visit, see_other};
use crate::db::Db;
use crate::error::PageError;

/// The page that sets somebody's password.
pub(crate) async fn edit(
    visit: Visit,
    user: SignedIn,
    db: Data<Db>,
    id: Path<String>,
) -> Result<HttpResponse, PageError> {
    match crate::admin::auth::lookup::account(&user, &db, &id).await? {
        Some(owner) => show(&visit, &user, &owner, StatusCode::OK, Mistakes::default()),
        None => crate::admin::auth::lookup::unknown_account(&visit, &id),
    }
}

/// Sets it, and ends that account's sessions.
pub(crate) async fn update(
    visit: Visit,
    user: SignedIn,
    db: Data<Db>,
    hashing: Data<Hashing>,
    id: Path<String>,
    prover: Prover,
    fields: Fields,
) -> Result<HttpResponse, PageError> {
    visit.check_form(Some(&user), &fields)?;
    let Some(owner) = crate::admin::auth::lookup::account(&user, &db, &id).await? else {
        return crate::admin::auth::lookup::unknown_account(&visit, &id);
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
    let model = registry::by_key("auth.user").ok_or(PageError::NotFound)?;
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
