//! Prompts at the terminal, and checks of the answers.

use std::io::{IsTerminal, Write, stdin, stdout};

use accounts::policy;
use anyhow::{Context, bail};

use crate::config::without_line_end;

/// Prompts for a line.
pub(super) fn line(prompt: &str) -> anyhow::Result<String> {
    Ok(untrimmed(prompt)?.trim().to_owned())
}

fn untrimmed(prompt: &str) -> anyhow::Result<String> {
    print!("{prompt}: ");
    stdout().flush().context("cannot write to the terminal")?;
    let mut answer = String::new();
    let length = stdin().read_line(&mut answer);
    if length.context("cannot read the answer")? == 0 {
        bail!("no answer; use --no-input to read the environment instead");
    }
    Ok(without_line_end(&answer).to_owned())
}

/// Prompts twice for a new password, which a terminal doesn't show.
pub(super) fn new_password() -> anyhow::Result<String> {
    let ask = |prompt: &str| {
        if stdin().is_terminal() {
            rpassword::prompt_password(format!("{prompt}: ")).context("cannot read the password")
        } else {
            untrimmed(prompt)
        }
    };
    let password = ask("Password")?;
    if ask("Confirm password")? != password {
        bail!("The passwords don't match.");
    }
    Ok(password)
}

/// The rules that a new password breaks. `about` has the labels and values that it must not resemble.
pub(super) fn password_errors(password: &str, about: &[(&'static str, &str)]) -> Vec<String> {
    if password.is_empty() {
        return vec!["Password is required.".to_owned()];
    }
    policy::weaknesses(password, about)
}
