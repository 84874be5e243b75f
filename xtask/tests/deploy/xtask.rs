//! The built program, and what a run of it said.

use std::process::Command;

use anyhow::Result;

/// What a run said, and how it ended.
pub(crate) struct Run {
    pub(crate) ok: bool,
    /// Standard output and standard error, one after the other.
    pub(crate) said: String,
}

impl Run {
    /// Asserts that all these words were said.
    pub(crate) fn assert_said(&self, words: &[&str]) {
        for word in words {
            assert!(
                self.said.contains(word),
                "«{word}» is missing in:\n{}",
                self.said
            );
        }
    }

    /// Asserts that a variable was rejected at once, and not printed.
    pub(crate) fn assert_rejected(&self, error: &str) {
        assert!(!self.ok, "{}", self.said);
        self.assert_said(&[error]);
        self.assert_hid(&["hunter4"]);
        assert!(!self.said.contains("healthz"), "{}", self.said);
    }

    /// Asserts that none of these secrets was said.
    pub(crate) fn assert_hid(&self, secrets: &[&str]) {
        for secret in secrets {
            assert!(
                !self.said.contains(secret),
                "a secret is in:\n{}",
                self.said
            );
        }
    }
}

/// Runs `cargo xtask` with these words and these variables, in a hurry.
pub(crate) fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Run> {
    run_at_its_own_pace(&[arguments, &["--every", "2ms"]].concat(), variables)
}

/// Runs `cargo xtask` with these words alone.
pub(crate) fn run_at_its_own_pace(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Run> {
    let output = command(arguments, variables).output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Run {
        ok: output.status.success(),
        said: text(&output.stdout) + &text(&output.stderr),
    })
}

/// `cargo xtask` with these words, and of the variables that it reads with these alone.
pub(crate) fn command(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(arguments);
    for name in [
        "APP_URL",
        "DOCKERHUB_TOKEN",
        "DOCKERHUB_USERNAME",
        "HEROKU_API_KEY",
        "HEROKU_API_URL",
        "HEROKU_APP_NAME",
        "HEROKU_REGISTRY",
        "PROJECT_VPS_PATH",
        "RENDER_API_KEY",
        "RENDER_DEPLOY_HOOK_URL",
        "SSH_HOST",
        "SSH_KNOWN_HOSTS",
        "SSH_PRIVATE_KEY",
        "SSH_USER",
    ] {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied());
    command
}
