//! `changepassword`: changes a user's password.

use accounts::{User, password};
use anyhow::{Context, bail};
use clap::Args;
use diesel::OptionalExtension;

use super::{ask, output::print, start};
use crate::config::{Config, Problems, Superuser};
use crate::registry::REGISTRY;
use admin::command_line::replace_password;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The user; `SUPERUSER_USERNAME` or a prompt if not given
    username: Option<String>,
    /// Don't prompt; read `SUPERUSER_USERNAME` and `SUPERUSER_PASSWORD` from the environment
    #[arg(long)]
    no_input: bool,
}

pub(crate) fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<()> {
    let mut conn = start::open_to_write(config)?;
    let given = arguments.no_input.then(Superuser::from_env);
    let username = match (&arguments.username, &given) {
        (Some(username), _) => username.clone(),
        (None, Some(given)) => given.username.clone(),
        (None, None) => ask::line("Username")?,
    };
    let Some(user) = User::find_by_username(&mut conn, &username).optional()? else {
        bail!("there is no account with the username {username:?}");
    };
    let (password, variable) = match given {
        Some(given) => (given.password, "SUPERUSER_PASSWORD: "),
        None => (ask::new_password()?, ""),
    };
    let mut errors = ask::password_errors(&password, &user.about());
    if user.must_change_password && password::verify(&password, &user.password).is_right() {
        errors.push("The password must differ from the current one.".to_owned());
    }
    if !errors.is_empty() {
        let problems = errors.iter().map(|error| format!("{variable}{error}"));
        bail!(Problems(problems.collect()));
    }
    let hash = password::hash(&password);
    let registry = REGISTRY.with_mail(config.mail.smtp_url.is_some());
    conn.write(|conn| replace_password(conn, registry, None, &user, &hash, false))
        .context("cannot store the password")?;
    print(format_args!(
        "The password of {} was changed.",
        user.username
    ))
}
