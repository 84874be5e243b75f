//! The page to set another user's password.

use accounts::Session;
use accounts::User;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use oc_http::{Db, PageError};

use crate::auth::current_user::CurrentUser;
use crate::auth::managed_user::find_managed;
use crate::auth::password_hasher::PasswordHasher;
use crate::auth::password_page::{self, PasswordErrors, PasswordPage, RULES};
use crate::auth::reauth::Reauth;
use crate::auth::request::AdminRequest;
use crate::ui::field::{Button, ErrorSummary, ReturnLink, Section};
use crate::ui::layout::Breadcrumb;
use crate::ui::links::{change_path, list_path, see_other, with_filters};
use crate::ui::submission::Submission;

/// The form.
pub(crate) async fn edit(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    id: Path<String>,
) -> Result<HttpResponse, PageError> {
    match find_managed(&request, &user, &db, &id).await? {
        Some(owner) => show(
            &request,
            &user,
            &owner,
            StatusCode::OK,
            PasswordErrors::default(),
        ),
        None => Ok(request.unknown_object(request.registry().accounts()?, id)),
    }
}

/// Sets the password and ends that user's sessions.
pub(crate) async fn update(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    hasher: Data<PasswordHasher>,
    id: Path<String>,
    reauth: Reauth,
    fields: Submission,
) -> Result<HttpResponse, PageError> {
    let fields = request.accept(&user, fields)?;
    let Some(owner) = find_managed(&request, &user, &db, &id).await? else {
        return Ok(request.unknown_object(request.registry().accounts()?, id));
    };
    if let Some(page) = reauth.require(&request, &user, &fields).await? {
        return Ok(page);
    }
    let new = fields.text("password1").to_owned();
    let mistakes = PasswordErrors::new(&new, fields.text("password2"), &owner.about());
    if !mistakes.is_empty() {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return show(&request, &user, &owner, status, mistakes);
    }
    let hash = hasher.hash(new).await?;
    let new_hash = hash.clone();
    let key = request.registry().accounts()?.key();
    let (actor, owner_id, title) = (user.user.clone(), owner.id, owner.username.clone());
    db.run(move |conn| {
        Ok(conn.write(|conn| {
            User::set_password(conn, owner_id, &hash)?;
            Session::end_all(conn, owner_id, None)?;
            password_page::record(conn, Some(&actor), &key, (owner_id, &title))
        })?)
    })
    .await?;
    if owner.id == user.user.id {
        // The own session continues under a new key.
        request.session.continue_with_password(&new_hash)?;
    }
    request
        .session
        .add_message("success", "Password changed.".to_owned());
    let model = request.registry().accounts()?;
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
        buttons: Button::save("Change password"),
        way: ReturnLink::default(),
    };
    let crumbs = Breadcrumb::trail(
        &[("Users", &list_path(request.registry().accounts()?))],
        &heading,
    );
    request.page(status, Some(user), &heading, crumbs, page)
}
