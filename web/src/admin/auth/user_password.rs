//! Somebody else's password, which is set on a page of its own.

use accounts::{Session, User, password};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};

use crate::admin::auth::current_user::CurrentUser;
use crate::admin::auth::password_hasher::PasswordHasher;
use crate::admin::auth::password_page::{self, PasswordErrors, PasswordPage, RULES};
use crate::admin::auth::reauth::{Posted, Reauth};
use crate::admin::auth::session_store::PASSWORD;
use crate::admin::list::query::with_filters;
use crate::admin::registry::{self, change_path};
use crate::admin::ui::field::{ErrorSummary, Section};
use crate::admin::ui::form_data::Submission;
use crate::admin::ui::messages;
use crate::admin::ui::popup::ReturnLink;
use crate::admin::ui::request::{AdminRequest, Breadcrumb, see_other};
use crate::db::Db;
use crate::error::PageError;

/// The page that sets somebody's password.
pub(crate) async fn edit(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    id: Path<String>,
) -> Result<HttpResponse, PageError> {
    match crate::admin::auth::lookup::account(&user, &db, &id).await? {
        Some(owner) => show(
            &request,
            &user,
            &owner,
            StatusCode::OK,
            PasswordErrors::default(),
        ),
        None => crate::admin::auth::lookup::unknown_account(&request, &id),
    }
}

/// Sets it, and ends that account's sessions.
pub(crate) async fn update(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    hasher: Data<PasswordHasher>,
    id: Path<String>,
    reauth: Reauth,
    fields: Submission,
) -> Result<HttpResponse, PageError> {
    request.check_form(Some(&user), &fields)?;
    let Some(owner) = crate::admin::auth::lookup::account(&user, &db, &id).await? else {
        return crate::admin::auth::lookup::unknown_account(&request, &id);
    };
    let posted = Posted::of(&request, &user, fields)?;
    if let Some(page) = reauth.require(&request, &user, &posted).await? {
        return Ok(page);
    }
    let fields = posted.form;
    let new = fields.text("password1").to_owned();
    let mistakes = PasswordErrors::of(&new, fields.text("password2"), &owner.about());
    if !mistakes.is_empty() {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return show(&request, &user, &owner, status, mistakes);
    }
    let hash = hasher.run(move || password::hash(&new)).await?;
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
        request.keep(PASSWORD, mark)?;
        request.session.renew();
    }
    messages::add(&request.session, "success", "Password changed.".to_owned());
    let model = registry::by_key("auth.user").ok_or(PageError::NotFound)?;
    let change = change_path(model, owner.id);
    Ok(see_other(&with_filters(change, &request.filters())))
}

fn show(
    request: &AdminRequest,
    user: &CurrentUser,
    owner: &User,
    status: StatusCode,
    mistakes: PasswordErrors,
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
        way: ReturnLink::default(),
    };
    let crumbs = Breadcrumb::trail(&[("Users", "/admin/auth/user/")], &heading);
    request.page(status, Some(user), &heading, crumbs, page)
}
