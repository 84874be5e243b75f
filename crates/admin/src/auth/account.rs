//! Accounts as objects of the admin: loading one for its pages, and logging changes that no form makes. The page about
//! the user's own account.

use accounts::{RecoveryCode, SecondFactor, Session, User, Verb, forget_failures};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use audit::NewAuditEntry;
use chrono::{Duration, Utc};
use diesel::QueryResult;
use mail::NewMail;
use oc_core::DbConnection;
use oc_core::admin::Record;
use oc_http::{Page, PageError, PageResult, SITE_NAME};
use serde::Serialize;

use crate::auth::device_cookie::set_device_cookie;
use crate::auth::staff_request::{StaffRequest, forbid_unless};
use crate::registry::{ACCOUNTS, Registry};
use crate::ui::layout::Breadcrumb;
use crate::ui::links::{change_path, list_path};

const PASSWORD_CHANGED: &str = "password";
pub(crate) const FACTOR_ON: &str = "two-factor authentication turned on";
pub(crate) const FACTOR_OFF: &str = "two-factor authentication turned off";
pub(crate) const CODES_REPLACED: &str = "recovery codes replaced";

/// Logs a change of an account; without an actor it happened on the command line. Requires a transaction.
pub(crate) fn log_account_change(
    conn: &mut DbConnection,
    registry: Registry,
    actor: Option<&User>,
    account: &User,
    action: &str,
) -> QueryResult<()> {
    let entry = NewAuditEntry {
        actor: actor.map(User::actor),
        model: &ACCOUNTS.key(),
        object_id: Some(account.id),
        title: &account.username,
        action,
        ..NewAuditEntry::default()
    };
    entry.insert(conn)?;
    let change = match action {
        PASSWORD_CHANGED => "Your password was changed",
        FACTOR_ON => "Two-factor authentication was turned on",
        FACTOR_OFF => "Two-factor authentication was turned off",
        CODES_REPLACED => "Your recovery codes were replaced",
        _ => return Ok(()),
    };
    mail_change(conn, registry, &account.email, &account.username, change)
}

/// Replaces a password, and ends all sessions of the account. Requires a transaction.
pub fn replace_password(
    conn: &mut DbConnection,
    registry: Registry,
    actor: Option<&User>,
    account: &User,
    hash: &str,
    is_temporary: bool,
) -> QueryResult<()> {
    User::set_password(conn, account.id, hash)?;
    forget_failures(conn, &account.username)?;
    User::set_must_change_password(conn, account.id, is_temporary)?;
    Session::end_all(conn, account.id, None)?;
    log_account_change(conn, registry, actor, account, PASSWORD_CHANGED)
}

/// Turns off two-factor authentication of somebody who lost the phone, and ends all sessions, because whoever found it
/// may be logged in; false if it is off. Requires a transaction.
pub fn turn_off_factor(
    conn: &mut DbConnection,
    registry: Registry,
    actor: Option<&User>,
    account: &User,
) -> QueryResult<bool> {
    let was_on = SecondFactor::delete(conn, account.id)?;
    if was_on {
        Session::end_all(conn, account.id, None)?;
        log_account_change(conn, registry, actor, account, FACTOR_OFF)?;
    }
    Ok(was_on)
}

/// Mails the old address of an account if a change replaced it. Requires the transaction of the change.
pub(crate) fn mail_changed_address(
    conn: &mut DbConnection,
    registry: Registry,
    before: &Record,
    after: &Record,
) -> QueryResult<()> {
    let [old, new] = [before, after].map(|record| record.values.text("email"));
    if old == new {
        return Ok(());
    }
    let change = "The email address of your account was changed";
    mail_change(conn, registry, old, &before.title, change)
}

/// Mails a change to the owner of an account, if mails are sent and the account has an address.
fn mail_change(
    conn: &mut DbConnection,
    registry: Registry,
    recipient: &str,
    username: &str,
    change: &str,
) -> QueryResult<()> {
    if !registry.sends_mail || recipient.is_empty() {
        return Ok(());
    }
    let body = format!(
        "Hello {username},\n\n{change} at {SITE_NAME}.\n\nIf this wasn't you or a colleague who told you, ask a superuser to \
         check your account.\n"
    );
    let mail = NewMail {
        recipient,
        subject: change,
        body: &body,
        lifetime: Duration::days(3),
    };
    mail.insert(conn, Utc::now().naive_utc())
}

impl StaffRequest {
    /// Renews the device cookie, which is bound to the password and second factor.
    pub(super) async fn remember_browser(&self, response: HttpResponse) -> PageResult {
        let id = self.user.user.id;
        let load = move |conn: &mut DbConnection| {
            Ok((User::find(conn, id)?, SecondFactor::find(conn, id)?))
        };
        match self.db.read(load).await {
            Ok(account) => set_device_cookie(response, self, &account),
            // The change is done, so that this isn't an error page.
            Err(error) => {
                log::warn!("could not renew a device cookie: {error}");
                Ok(response)
            }
        }
    }

    pub(super) fn has_account_in_path(&self) -> bool {
        self.http.match_info().get("id").is_some()
    }

    /// The account in the path, if the user may change accounts and has all of its permissions.
    pub(super) async fn find_account(&self) -> Result<User, PageError> {
        self.require(Verb::Change, ACCOUNTS)?;
        let (id, permissions) = (self.id()?, self.user.permissions.clone());
        let account = self.db.read(move |conn| {
            let account = User::find(conn, id)?;
            forbid_unless(permissions.cover(conn, &account)?)?;
            Ok(account)
        });
        account.await
    }
}

/// The breadcrumbs of a page about an account, and the address of the account's form.
pub(super) fn account_trail(account: &User, page: &str) -> (Vec<Breadcrumb>, String) {
    let (list, form) = (list_path(ACCOUNTS), change_path(ACCOUNTS, account.id));
    let steps = [("Users", &*list), (&*account.username, &*form)];
    (Breadcrumb::trail(&steps, page), form)
}

#[derive(Serialize)]
struct AccountPage {
    email: String,
    factor_since: Option<String>,
    codes_left: i64,
    sessions: usize,
}

impl Page for AccountPage {
    const TEMPLATE: &'static str = "admin/account.html";
}

pub(crate) async fn show(staff: StaffRequest) -> PageResult {
    let (user, zone) = (staff.actor(), staff.registry().time_zone);
    let page = staff.read(move |conn| {
        let factor = SecondFactor::find(conn, user.id)?;
        Ok(AccountPage {
            factor_since: factor.map(|factor| zone.date_time(factor.created_at)),
            codes_left: RecoveryCode::count(conn, user.id)?,
            sessions: Session::for_user(conn, user.id, Utc::now().naive_utc())?.len(),
            email: user.email,
        })
    });
    staff.page_below_index(StatusCode::OK, "Account", page.await?)
}
