//! One's own password.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use chrono::Utc;
use oc_core::User;
use oc_core::accounts::{Session, password, policy};
use oc_core::events::Event;

use crate::admin::auth::current_user::SignedIn;
use crate::admin::auth::password_hasher::Hashing;
use crate::admin::auth::password_page::{self, PasswordPage, RULES};
use crate::admin::auth::reauth::{Posted, Prover};
use crate::admin::auth::session_store::PASSWORD;
use crate::admin::auth::throttle::{Guess, Guesser, is_password};
use crate::admin::ui::field::{ErrorSummary, FieldView, Section};
use crate::admin::ui::form_data::Fields;
use crate::admin::ui::messages;
use crate::admin::ui::popup::Way;
use crate::admin::ui::request::{Crumb, Visit, see_other};
use crate::db::Db;
use crate::error::PageError;

const TITLE: &str = "Change password";
/// Why somebody was led here.
const DUE: &str = "Choose a new password to continue. The one you logged in with must be changed.";

/// What is wrong with each of the three fields.
#[derive(Default)]
struct Errors {
    current: Vec<String>,
    new: Vec<String>,
    again: Vec<String>,
}

/// The form.
pub(crate) async fn edit(visit: Visit, user: SignedIn) -> Result<HttpResponse, PageError> {
    show(&visit, &user, StatusCode::OK, Errors::default())
}

/// Checks the current password and the new one, and ends every other session.
pub(crate) async fn update(
    visit: Visit,
    user: SignedIn,
    db: Data<Db>,
    hashing: Data<Hashing>,
    prover: Prover,
    fields: Fields,
) -> Result<HttpResponse, PageError> {
    visit.check_form(Some(&user), &fields)?;
    let posted = Posted::of(&visit, &user, fields)?;
    // The current password is asked for below; who has a second factor too is asked for both.
    if user.has_factor
        && let Some(page) = prover.ask(&visit, &user, &posted).await?
    {
        return Ok(page);
    }
    let fields = posted.form;
    let (old, new, again) = (
        fields.text("old_password").to_owned(),
        fields.text("new_password1").to_owned(),
        fields.text("new_password2"),
    );
    let mut errors = Errors::default();
    if old.is_empty() {
        errors
            .current
            .push("Current password is required.".to_owned());
    } else {
        match check(&visit, &user, &db, &hashing, old).await? {
            Guess::Right(()) => {}
            Guess::Wrong => errors
                .current
                .push("Your current password is incorrect.".to_owned()),
            Guess::Throttled(wait) => {
                errors.current.push(wait.words());
                let page = show(&visit, &user, StatusCode::TOO_MANY_REQUESTS, errors)?;
                return Ok(wait.tell(page));
            }
        }
    }
    if new.is_empty() {
        errors.new.push("New password is required.".to_owned());
    } else {
        errors.new.extend(
            policy::weaknesses(&new, &user.user.about())
                .iter()
                .map(ToString::to_string),
        );
    }
    if again.is_empty() {
        errors
            .again
            .push("Confirm new password is required.".to_owned());
    } else if again != new {
        errors.again.push("The passwords don't match.".to_owned());
    }
    if [&errors.current, &errors.new, &errors.again]
        .iter()
        .any(|list| !list.is_empty())
    {
        return show(&visit, &user, StatusCode::UNPROCESSABLE_ENTITY, errors);
    }
    let hash = hashing.run(move || password::hash(&new)).await?;
    let mark = Session::password_mark(&hash);
    let (id, actor) = (user.user.id, user.user.clone());
    db.run(move |conn| {
        Ok(conn.write(|conn| {
            User::set_password(conn, id, &hash)?;
            User::set_must_change_password(conn, id, false)?;
            Session::end_all(conn, id, None)?;
            password_page::record(conn, Some(&actor), id, &actor.username)
        })?)
    })
    .await?;
    // This one goes on under a new id.
    visit.keep(PASSWORD, mark)?;
    visit.session.renew();
    messages::add(
        &visit.session,
        "success",
        "Your password has been changed.".to_owned(),
    );
    Ok(see_other("/admin/"))
}

/// Whether that is the current password. It is slowed down like a login: whoever finds a browser open may guess.
async fn check(
    visit: &Visit,
    user: &SignedIn,
    db: &Data<Db>,
    hashing: &Data<Hashing>,
    typed: String,
) -> Result<Guess<()>, PageError> {
    let guesser = Guesser::of(visit, user.user.username.clone());
    let counted = match guesser.count(db, Utc::now().naive_utc()).await? {
        Ok(counted) => counted,
        Err(wait) => return Ok(Guess::Throttled(wait)),
    };
    let user = user.user.clone();
    let is_right = is_password(hashing, typed, user.password.clone()).await?;
    db.run(move |conn| {
        if is_right {
            counted.forgive(conn)?;
            return Ok(Guess::Right(()));
        }
        guesser.record(conn, Event::ProofRefused, Some(&user), Some(&user))?;
        Ok(Guess::Wrong)
    })
    .await
}

fn show(
    visit: &Visit,
    user: &SignedIn,
    status: StatusCode,
    errors: Errors,
) -> Result<HttpResponse, PageError> {
    let sections = vec![Section {
        title: None,
        description: None,
        inside: None,
        fields: vec![
            FieldView::password(
                "old_password",
                "Current password",
                "current-password",
                errors.current,
            ),
            FieldView::password("new_password1", "New password", "new-password", errors.new),
            FieldView::password(
                "new_password2",
                "Confirm new password",
                "new-password",
                errors.again,
            ),
        ],
    }];
    let page = PasswordPage {
        heading: TITLE.to_owned(),
        is_own: true,
        notice: user.user.must_change_password.then_some(DUE),
        error_summary: ErrorSummary::of(&sections),
        sections,
        rules: RULES,
        button: "Change my password",
        way: Way::default(),
    };
    visit.page(status, Some(user), TITLE, Crumb::way(&[], TITLE), page)
}
