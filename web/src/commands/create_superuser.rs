//! `createsuperuser`: an account with every right.

use anyhow::{Context, anyhow, bail};
use clap::Args;
use diesel::OptionalExtension;
use oc_core::{User, UserDraft};

use super::{ask, start};
use crate::admin::auth::command_line::record_added;
use crate::config::{Config, Superuser};

/// What `createsuperuser` can be told.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Ask nothing; take `SUPERUSER_USERNAME`, `SUPERUSER_EMAIL` and `SUPERUSER_PASSWORD` from the environment
    #[arg(long)]
    no_input: bool,
}

pub(crate) fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<()> {
    let mut conn = start::open_checked(&config.database_url)?;
    start::migrate(&mut conn)?;
    let given = if arguments.no_input {
        Superuser::from_env()
    } else {
        Superuser {
            username: ask::line("Username")?,
            email: ask::line("Email address")?,
            password: String::new(),
        }
    };
    let draft = UserDraft {
        username: given.username,
        email: given.email,
        ..UserDraft::default()
    };
    let user = draft.check().map_err(|errors| {
        anyhow!(
            "{}",
            errors
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" ")
        )
    })?;
    if User::find_by_username(&mut conn, user.username())
        .optional()?
        .is_some()
    {
        bail!("That username is already taken.");
    }
    let password = if arguments.no_input {
        given.password
    } else {
        ask::new_password()?
    };
    let about = [
        ("username", user.username()),
        ("email address", draft.email.as_str()),
    ];
    let hash = ask::checked_hash(&password, &about)?;
    conn.write(|conn| {
        let id = User::insert(conn, &user)?;
        User::set_password(conn, id, &hash)?;
        User::make_superuser(conn, id)?;
        record_added(conn, id)
    })
    .context("cannot store the account")?;
    println!("Superuser {} was created.", user.username());
    Ok(())
}
