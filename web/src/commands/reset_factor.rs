//! `resetfactor`: turns off the two-factor authentication of a user who lost phone and recovery codes.

use accounts::User;
use anyhow::{Context, bail};
use clap::Args;
use diesel::OptionalExtension;

use super::{output::print, start};
use crate::config::Config;
use crate::registry::REGISTRY;
use admin::command_line::turn_off_factor;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The user
    username: String,
}

pub(crate) fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<()> {
    let mut conn = start::open_to_write(config)?;
    let registry = REGISTRY.with_mail(config.mail.smtp_url.is_some());
    let username = &arguments.username;
    let Some(user) = User::find_by_username(&mut conn, username).optional()? else {
        bail!("there is no account with the username {username:?}");
    };
    let was_on = conn
        .write(|conn| turn_off_factor(conn, registry, None, &user))
        .context("could not turn off two-factor authentication")?;
    if !was_on {
        bail!("{username} does not use two-factor authentication");
    }
    print(format_args!(
        "Two-factor authentication of {username} is off. The account now needs only its password."
    ))
}
