//! Asking whoever sits at the terminal.

use std::io::{IsTerminal, Write, stdin, stdout};

use anyhow::{Context, bail};
use oc_core::accounts::{password, policy};

/// Asks for a line.
pub(super) fn line(question: &str) -> anyhow::Result<String> {
    print!("{question}: ");
    stdout().flush().context("cannot write to the terminal")?;
    let mut answer = String::new();
    if stdin()
        .read_line(&mut answer)
        .context("cannot read the answer")?
        == 0
    {
        bail!("no answer; with --no-input the environment is read instead");
    }
    Ok(answer.trim().to_owned())
}

/// Asks for a new password twice; what is typed at a terminal is not shown.
pub(super) fn new_password() -> anyhow::Result<String> {
    let ask = |question: &str| {
        if stdin().is_terminal() {
            rpassword::prompt_password(format!("{question}: ")).context("cannot read the password")
        } else {
            line(question)
        }
    };
    let password = ask("Password")?;
    if ask("Confirm password")? != password {
        bail!("The passwords don't match.");
    }
    Ok(password)
}

/// The hash of a password that its owner may have.
///
/// # Errors
/// Names every rule that it breaks.
pub(super) fn checked_hash(
    password: &str,
    about: &[(&'static str, &str)],
) -> anyhow::Result<String> {
    if password.is_empty() {
        bail!("Password is required.");
    }
    let weaknesses = policy::weaknesses(password, about);
    if !weaknesses.is_empty() {
        bail!(
            "{}",
            weaknesses
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" ")
        );
    }
    Ok(password::hash(password))
}
