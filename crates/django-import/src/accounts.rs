//! Groups and users.

use std::collections::HashMap;

use accounts::{GroupDraft, UserDraft, check_username, normalized, password};
use chrono::NaiveDateTime;
use oc_core::text::normalize_line;
use oc_core::validation::Violation;
use serde_json::{Value, json};

use super::layout::{GROUP, USER};
use super::places::columns;
use super::published::Published;
use super::reading::{Notes, Reading, without};
use super::row::Row;
use super::target::Target;

/// The longest hash that is stored (characters).
const LONGEST_HASH: usize = 255;
/// The longest username, to the letter (characters).
const LONGEST_USERNAME: usize = 150;
/// How many names a warning tells.
const NAMED: usize = 10;

pub(super) fn groups(reading: &mut Reading<'_>) -> anyhow::Result<()> {
    let table = "auth_group";
    let (seen, notes, sink) = (&mut reading.seen, &mut reading.notes, &mut *reading.sink);
    let file = &mut reading.book.file;
    if !file.has(table) {
        return Ok(());
    }
    let mut taken: HashMap<String, i64> = HashMap::new();
    file.read(table, &columns(GROUP), &mut |cells| {
        notes.read(Target::Groups);
        let mut row = Row::new(table, GROUP, cells);
        let id = row.id();
        let draft = GroupDraft {
            name: row.text("name"),
        };
        row.checked(draft.check());
        let name = normalize_line(&draft.name);
        if let Some(other) = taken.get(&name) {
            row.refuse("name", format!("That name is taken: group {other}."));
        }
        seen.groups.note(id, &mut row);
        if notes.passes(Target::Groups, row.problems) {
            sink.row(Target::Groups, vec![json!(id), json!(name)])?;
            taken.insert(name, id);
        }
        Ok(())
    })
}

pub(super) fn users(reading: &mut Reading<'_>) -> anyhow::Result<()> {
    let table = "auth_user";
    let (seen, notes, sink) = (&mut reading.seen, &mut reading.notes, &mut *reading.sink);
    let (file, must_change) = (&mut reading.book.file, &mut reading.book.must_change);
    let mut names = Names::default();
    let mut odd = Odd::default();
    let mut published = Published::new();
    file.read(table, &columns(USER), &mut |cells| {
        notes.read(Target::Users);
        let mut row = Row::new(table, USER, cells);
        let user = user(&mut row, notes);
        names.check(&mut row, &user);
        seen.users.note(user.id, &mut row);
        if !notes.passes(Target::Users, row.problems) {
            return Ok(());
        }
        names.take(&user, notes);
        if notes.is_first() {
            odd.look(&user);
            if user.is_superuser && published.is(&user.password) {
                must_change.insert(user.id, user.username.clone());
            }
        }
        let must_change = must_change.contains_key(&user.id);
        sink.row(Target::Users, user.values(must_change))
    })?;
    if published.left > 0 {
        notes.warn(|| {
            format!(
                "The passwords of {} more superusers were not looked for among published ones: it takes too long.",
                published.left
            )
        });
    }
    odd.tell(notes);
    Ok(())
}

/// An account, as it will be stored.
struct Account {
    id: i64,
    password: String,
    last_login: Option<NaiveDateTime>,
    is_superuser: bool,
    username: String,
    first_name: String,
    last_name: String,
    email: String,
    is_staff: bool,
    is_active: bool,
    date_joined: NaiveDateTime,
}

fn user(row: &mut Row<'_>, notes: &mut Notes<'_>) -> Account {
    let id = row.id();
    let draft = UserDraft {
        username: row.limited("username", LONGEST_USERNAME),
        first_name: notes.text_or_empty(row, "users", "first_name"),
        last_name: notes.text_or_empty(row, "users", "last_name"),
        email: notes.text_or_empty(row, "users", "email"),
    };
    // The name is kept to the letter; the draft would normalize it.
    row.checked(check_username(&normalized(&draft.username)));
    let others = if is_odd_email(&draft.email) {
        &["username", "email"][..]
    } else {
        &["username"]
    };
    row.checked(without(draft.check(), others));
    let mut hash = row.limited("password", LONGEST_HASH);
    if hash.is_empty() {
        password::UNUSABLE.clone_into(&mut hash);
    }
    Account {
        id,
        password: hash,
        last_login: row.moment_or_none("last_login"),
        is_superuser: row.flag("is_superuser"),
        username: draft.username,
        first_name: normalize_line(&draft.first_name),
        last_name: normalize_line(&draft.last_name),
        email: normalize_line(&draft.email),
        is_staff: row.flag("is_staff"),
        is_active: row.flag("is_active"),
        date_joined: row.moment("date_joined"),
    }
}

/// Whether an address has not the form of one, and nothing else is wrong with it. Django let any text through where no form was between; it is kept, so
/// that nobody loses an account by it.
fn is_odd_email(email: &str) -> bool {
    let draft = UserDraft {
        username: "somebody".to_owned(),
        email: email.to_owned(),
        ..UserDraft::default()
    };
    draft.check().is_err_and(|errors| {
        errors
            .iter()
            .all(|error| error.violation == Violation::Email)
    })
}

impl Account {
    fn values(self, must_change: bool) -> Vec<Value> {
        vec![
            json!(time(self.date_joined)),
            json!(self.email),
            json!(self.first_name),
            json!(self.id),
            json!(self.is_active),
            json!(self.is_staff),
            json!(self.is_superuser),
            json!(self.last_login.map(time)),
            json!(self.last_name),
            json!(must_change),
            json!(self.password),
            json!(self.username),
        ]
    }
}

/// A time in the form that all moved rows have.
pub(super) fn time(moment: NaiveDateTime) -> String {
    moment.format("%Y-%m-%dT%H:%M:%S%.6f").to_string()
}

/// A username as it looks to those who cannot tell two notations or cases apart.
pub(super) fn folded(username: &str) -> String {
    normalized(&normalized(username).to_lowercase())
}

/// The usernames that were read, by what they look like.
#[derive(Default)]
struct Names(HashMap<String, Vec<(i64, String)>>);

impl Names {
    /// Refuses a name that another account has to the letter.
    fn check(&self, row: &mut Row<'_>, user: &Account) {
        let alike = self.0.get(&folded(&user.username));
        let taken = alike
            .into_iter()
            .flatten()
            .find(|(_, name)| *name == user.username);
        if let Some((other, _)) = taken {
            row.refuse("username", format!("That username is taken: user {other}."));
        }
    }

    /// Keeps a name, and tells of one that looks the same.
    fn take(&mut self, user: &Account, notes: &mut Notes<'_>) {
        let alike = self.0.entry(folded(&user.username)).or_default();
        for (other, name) in alike.iter() {
            notes.warn(|| {
                let how = if normalized(name) == normalized(&user.username) {
                    "are equal after NFKC"
                } else {
                    "differ in case or notation alone"
                };
                format!(
                    "The usernames {name} (user {other}) and {} (user {}) {how}; both are kept to the letter.",
                    user.username, user.id
                )
            });
        }
        alike.push((user.id, user.username.clone()));
    }
}

/// Accounts that nobody will be able to log in to.
#[derive(Default)]
struct Odd {
    hashes: Vec<String>,
    notations: Vec<String>,
    emails: Vec<String>,
}

impl Odd {
    fn look(&mut self, user: &Account) {
        if !password::is_known(&user.password) {
            self.hashes.push(user.username.clone());
        }
        if normalized(&user.username) != user.username {
            self.notations.push(user.username.clone());
        }
        if is_odd_email(&user.email) {
            self.emails.push(user.username.clone());
        }
    }

    fn tell(&self, notes: &mut Notes<'_>) {
        if !self.emails.is_empty() {
            notes.warn(|| {
                format!(
                    "The email addresses of {} are not in the form of one; kept as they are.",
                    named(&self.emails)
                )
            });
        }
        if !self.hashes.is_empty() {
            notes.warn(|| {
                format!(
                    "The passwords of {} are stored in a way that cannot be checked; set new ones with `changepassword`.",
                    named(&self.hashes)
                )
            });
        }
        if !self.notations.is_empty() {
            notes.warn(|| {
                format!(
                    "The usernames of {} are not in NFKC, which the login form writes; as on the old site nobody can log in with \
                     them. Rename the accounts in the administration.",
                    named(&self.notations)
                )
            });
        }
    }
}

/// Some names, and how many more there are.
fn named(names: &[String]) -> String {
    let shown = names[..names.len().min(NAMED)].join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
