//! Session pages: the sessions of a user, and logging out.

use accounts::Session;
use actix_web::http::StatusCode;
use audit::{Event, NewEvent};
use chrono::Utc;
use oc_http::{Page, PageError, PageResult};
use serde::Serialize;

use crate::auth::account::account_trail;
use crate::auth::current_user::LOGIN;
use crate::auth::login_page::LoginMessage;
use crate::auth::staff_request::StaffRequest;
use crate::ui::links::see_other;
use crate::ui::submission::Submission;

#[derive(Serialize)]
struct SessionsPage {
    rows: Vec<SessionRow>,
    /// The form of the account, unless it is the user's own.
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

#[derive(Serialize)]
struct LogoutPage {}

impl Page for LogoutPage {
    const TEMPLATE: &'static str = "admin/logout.html";
}

const LOGGED_OUT: LoginMessage = LoginMessage {
    heading: "You have been logged out.",
    text: "",
    href: LOGIN,
    label: "Log in again",
};

/// The sessions of the account in the path, or one's own.
pub(crate) async fn show(staff: StaffRequest) -> PageResult {
    if !staff.has_account_in_path() {
        let page = sessions_page(&staff, staff.user.user.id, None).await?;
        return staff.page_below_index(StatusCode::OK, "Sessions", page);
    }
    let owner = staff.find_account().await?;
    if owner.id == staff.user.user.id {
        return Ok(see_other("/admin/sessions/"));
    }
    let (breadcrumbs, form) = account_trail(&owner, "Sessions");
    let heading = format!("Sessions: {}", owner.username);
    let page = sessions_page(&staff, owner.id, Some(form)).await?;
    staff.page(StatusCode::OK, &heading, breadcrumbs, page)
}

/// Ends the session with an id, or all but the current one.
pub(crate) async fn end(staff: StaffRequest, submission: Submission) -> PageResult {
    let owner = if staff.has_account_in_path() {
        staff.find_account().await?
    } else {
        staff.actor()
    };
    let submission = staff.accept(submission)?;
    let id: Option<i64> = match submission.text("end") {
        "others" => None,
        id => Some(id.parse().map_err(|_| PageError::BadRequest)?),
    };
    if id.is_none() {
        staff.require_reauth(&submission).await?;
    }
    let (actor, current, address) = (staff.actor(), staff.user.session_id, staff.address());
    let ended = staff
        .write(move |conn| {
            let ended = match id {
                Some(id) => usize::from(Session::end_one(conn, owner.id, id)?),
                None => Session::end_all(conn, owner.id, Some(current))?,
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
            Ok(ended)
        })
        .await?;
    let text = match ended {
        0 if id.is_some() => "This session has already ended.".to_owned(),
        0 => "You have no other sessions.".to_owned(),
        1 => "Ended 1 session.".to_owned(),
        count => format!("Ended {count} sessions."),
    };
    Ok(staff.succeed(text, staff.http.uri().path()))
}

async fn sessions_page(
    staff: &StaffRequest,
    owner_id: i64,
    back_href: Option<String>,
) -> Result<SessionsPage, PageError> {
    let (current, now) = (staff.user.session_id, Utc::now().naive_utc());
    let sessions = staff
        .read(move |conn| Session::for_user(conn, owner_id, now))
        .await?;
    let zone = staff.registry().time_zone;
    let row = |session: Session| SessionRow {
        id: session.id,
        browser: describe_browser(&session.login.browser),
        began: zone.date_time(session.login.created_at),
        address: session.login.address,
        seen: zone.date_time(session.seen_at),
        is_this: session.id == current,
    };
    Ok(SessionsPage {
        rows: sessions.into_iter().map(row).collect(),
        back_href,
    })
}

/// Asks for confirmation: a link alone never logs a user out.
pub(crate) async fn confirm_logout(staff: StaffRequest) -> PageResult {
    staff.page(StatusCode::OK, "Log out?", Vec::new(), LogoutPage {})
}

pub(crate) async fn log_out(staff: StaffRequest, submission: Submission) -> PageResult {
    staff.check_form(&submission)?;
    let user = staff.actor();
    let about = user.username.clone();
    staff.log_event(Event::LoggedOut, user, about).await?;
    let page = LOGGED_OUT.show(&staff)?;
    staff.session.end();
    Ok(page)
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
    fn browsers_are_recognized_by_user_agent() {
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
