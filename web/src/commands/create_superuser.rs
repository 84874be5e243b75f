//! `createsuperuser`: creates a superuser.

use accounts::{User, UserDraft, password};
use anyhow::{Context, bail};
use clap::Args;
use diesel::OptionalExtension;

use super::{ask, output::print, start};
use crate::config::{Config, Problems, Superuser};
use crate::registry::REGISTRY;
use admin::command_line::record_added;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Don't prompt; read `SUPERUSER_USERNAME`, `SUPERUSER_EMAIL` and `SUPERUSER_PASSWORD` from the environment
    #[arg(long)]
    no_input: bool,
}

pub(crate) fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<()> {
    let mut conn = start::open_to_write(config)?;
    start::migrate(&mut conn)?;
    let given = if arguments.no_input {
        Superuser::from_env()
    } else {
        Superuser {
            username: ask::line("Username")?,
            email: ask::line("Email address")?,
            password: ask::new_password()?,
        }
    };
    let mut problems = Vec::new();
    let mut note = |field: &str, error: String| {
        problems.push(if arguments.no_input {
            format!("SUPERUSER_{}: {error}", field.to_uppercase())
        } else {
            error
        });
    };
    let draft = UserDraft {
        username: given.username,
        email: given.email,
        ..UserDraft::default()
    };
    let user = draft.check();
    for error in user.as_ref().err().into_iter().flatten() {
        note(error.field, error.to_string());
    }
    let existing = User::find_by_username(&mut conn, &draft.username);
    if existing.optional()?.is_some() {
        note("username", "That username is already taken.".to_owned());
    }
    let about = [
        ("username", draft.username.as_str()),
        ("email address", draft.email.as_str()),
    ];
    for error in ask::password_errors(&given.password, &about) {
        note("password", error);
    }
    let (Ok(user), true) = (user, problems.is_empty()) else {
        bail!(Problems(problems));
    };
    let hash = password::hash(&given.password);
    conn.write(|conn| {
        let id = User::insert(conn, &user)?;
        User::set_password(conn, id, &hash)?;
        User::make_superuser(conn, id)?;
        record_added(conn, REGISTRY, id)
    })
    .context("cannot store the account")?;
    print(format_args!("Superuser {} was created.", user.username()))
}
