//! `changepassword`: another password for an account.

use anyhow::{Context, bail};
use clap::Args;
use diesel::OptionalExtension;
use oc_core::User;
use oc_core::accounts::Session;

use super::{ask, start};
use crate::admin::auth::command_line::record_password;
use crate::config::{Config, Superuser};

/// What `changepassword` can be told.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Whose password; `SUPERUSER_USERNAME` or an answer where it is not given
    username: Option<String>,
    /// Ask nothing; take `SUPERUSER_USERNAME` and `SUPERUSER_PASSWORD` from the environment
    #[arg(long)]
    no_input: bool,
}

pub(crate) fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<()> {
    let mut conn = start::open_checked(&config.database_url)?;
    let given = if arguments.no_input {
        Superuser::from_env()
    } else {
        Superuser::default()
    };
    let username = match &arguments.username {
        Some(username) => username.clone(),
        None if arguments.no_input => given.username,
        None => ask::line("Username")?,
    };
    let Some(user) = User::find_by_username(&mut conn, &username).optional()? else {
        bail!("there is no account with the username {username:?}");
    };
    let password = if arguments.no_input {
        given.password
    } else {
        ask::new_password()?
    };
    let hash = ask::checked_hash(&password, &user.about())?;
    conn.write(|conn| {
        User::set_password(conn, user.id, &hash)?;
        User::set_must_change_password(conn, user.id, false)?;
        // Whoever knew the old password is out.
        Session::end_all(conn, user.id, None)?;
        record_password(conn, &user)
    })
    .context("cannot store the password")?;
    println!("The password of {} was changed.", user.username);
    Ok(())
}
