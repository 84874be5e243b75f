//! The pages that list sessions and end them: one's own, and those of other users.

use accounts::{Session, User};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use audit::{Event, NewEvent};
use chrono::Utc;
use oc_http::{Db, Page, PageError};
use serde::Serialize;

use crate::auth::current_user::CurrentUser;
use crate::auth::managed_user::find_managed;
use crate::auth::request::AdminRequest;
use crate::ui::layout::Breadcrumb;
use crate::ui::links::{change_path, list_path, see_other};
use crate::ui::submission::Submission;

const OWN: &str = "/admin/sessions/";

#[derive(Serialize)]
struct SessionsPage {
    heading: String,
    is_own: bool,
    rows: Vec<SessionRow>,
    /// Whether there are sessions besides the current one.
    has_others: bool,
    back_href: Option<String>,
}

impl Page for SessionsPage {
    const TEMPLATE: &'static str = "admin/sessions.html";
}

#[derive(Serialize)]
struct SessionRow {
    id: i64,
    browser: String,
    address: String,
    began: String,
    seen: String,
    is_this: bool,
}

/// The user's own sessions.
pub(crate) async fn show(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
) -> Result<HttpResponse, PageError> {
    let rows = lines(&user, &db, user.user.id).await?;
    let page = SessionsPage {
        heading: "Sessions".to_owned(),
        is_own: true,
        has_others: rows.len() > 1,
        rows,
        back_href: None,
    };
    let crumbs = Breadcrumb::trail(&[], "Sessions");
    request.page(StatusCode::OK, Some(&user), "Sessions", crumbs, page)
}

/// Ends one of them, or all but the current one.
pub(crate) async fn end(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    fields: Submission,
) -> Result<HttpResponse, PageError> {
    request.check_form(Some(&user), &fields)?;
    let owner = user.user.clone();
    end_asked(&request, &user, &db, owner, fields.text("end"), OWN).await
}

/// The sessions of another user.
pub(crate) async fn show_of(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    id: Path<String>,
) -> Result<HttpResponse, PageError> {
    let Some(owner) = find_managed(&request, &user, &db, &id).await? else {
        return Ok(request.unknown_object(request.registry().accounts()?, id));
    };
    if owner.id == user.user.id {
        return Ok(see_other(OWN));
    }
    let rows = lines(&user, &db, owner.id).await?;
    let model = request.registry().accounts()?;
    let change = change_path(model, owner.id);
    let heading = format!("Sessions: {}", owner.username);
    let page = SessionsPage {
        heading: heading.clone(),
        is_own: false,
        has_others: !rows.is_empty(),
        rows,
        back_href: Some(change.clone()),
    };
    let users = list_path(request.registry().accounts()?);
    let steps = [
        ("Users", users.as_str()),
        (owner.username.as_str(), change.as_str()),
    ];
    let crumbs = Breadcrumb::trail(&steps, "Sessions");
    request.page(StatusCode::OK, Some(&user), &heading, crumbs, page)
}

/// Ends one of them, or all.
pub(crate) async fn end_of(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    id: Path<String>,
    fields: Submission,
) -> Result<HttpResponse, PageError> {
    request.check_form(Some(&user), &fields)?;
    let Some(owner) = find_managed(&request, &user, &db, &id).await? else {
        return Ok(request.unknown_object(request.registry().accounts()?, id));
    };
    let back = request.http.uri().path().to_owned();
    end_asked(&request, &user, &db, owner, fields.text("end"), &back).await
}

/// Ends the session with an id, or all but the current one.
async fn end_asked(
    request: &AdminRequest,
    user: &CurrentUser,
    db: &Data<Db>,
    owner: User,
    asked: &str,
    back: &str,
) -> Result<HttpResponse, PageError> {
    let one: Option<i64> = match asked {
        "others" => None,
        id => Some(id.parse().map_err(|_| PageError::BadRequest)?),
    };
    let (actor, this, address) = (user.user.clone(), user.session_id, request.address());
    let ended = db
        .run(move |conn| {
            Ok(conn.write(|conn| {
                let ended = match one {
                    Some(id) => usize::from(Session::end_one(conn, owner.id, id)?),
                    None => Session::end_all(conn, owner.id, Some(this))?,
                };
                if ended > 0 {
                    let event = NewEvent {
                        event: Event::SessionEnded,
                        actor: Some(actor.actor()),
                        about: &owner.username,
                        address: &address,
                    };
                    event.insert(conn)?;
                }
                Ok::<_, diesel::result::Error>(ended)
            })?)
        })
        .await?;
    let text = match ended {
        0 => "You have no other sessions.".to_owned(),
        1 => "Ended 1 session.".to_owned(),
        count => format!("Ended {count} sessions."),
    };
    request.session.add_message("success", text);
    Ok(see_other(back))
}

async fn lines(
    user: &CurrentUser,
    db: &Data<Db>,
    owner_id: i64,
) -> Result<Vec<SessionRow>, PageError> {
    let (this, now) = (user.session_id, Utc::now().naive_utc());
    let sessions = db
        .read(move |conn| Ok(Session::of_user(conn, owner_id, now)?))
        .await?;
    let line = |session: Session| SessionRow {
        id: session.id,
        browser: describe_browser(&session.browser),
        address: session.address,
        began: session.created_at.format("%Y-%m-%d %H:%M UTC").to_string(),
        seen: session.seen_at.format("%Y-%m-%d %H:%M UTC").to_string(),
        is_this: session.id == this,
    };
    Ok(sessions.into_iter().map(line).collect())
}

/// Parts of User-Agent headers and the browsers they name; the first match counts.
const BROWSERS: [(&str, &str); 9] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
];

const SYSTEMS: [(&str, &str); 7] = [
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
];

/// Browser and operating system, such as “Firefox on Linux”; the start of the header if they are unknown.
fn describe_browser(name: &str) -> String {
    let find = |known: &[(&str, &'static str)]| {
        known
            .iter()
            .find(|(sign, _)| name.contains(sign))
            .map(|(_, word)| *word)
    };
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        _ if name.is_empty() => "Unknown browser".to_owned(),
        _ => name.chars().take(60).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_told_apart_by_their_own_names() {
        for (name, expected) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox on Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 \
                 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/140.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            ("curl/8.5.0", "curl"),
            ("", "Unknown browser"),
            ("Lynx/2.9", "Lynx/2.9"),
        ] {
            assert_eq!(describe_browser(name), expected);
        }
    }
}
