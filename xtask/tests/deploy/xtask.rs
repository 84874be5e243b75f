//! Runs of the built program.

use std::process::Command;

use anyhow::Result;

/// Output and exit status of a run.
pub(crate) struct Run {
    pub(crate) ok: bool,
    /// Standard output, then standard error.
    pub(crate) output: String,
}

impl Run {
    /// Asserts that it succeeded and printed all of these.
    #[track_caller]
    pub(crate) fn assert_succeeded(&self, words: &[&str]) {
        assert!(self.ok, "{}", self.output);
        self.assert_printed(words);
    }

    /// Asserts that it failed and printed all of these.
    #[track_caller]
    pub(crate) fn assert_failed(&self, words: &[&str]) {
        assert!(!self.ok, "{}", self.output);
        self.assert_printed(words);
    }

    #[track_caller]
    pub(crate) fn assert_printed(&self, words: &[&str]) {
        for word in words {
            let output = &self.output;
            assert!(output.contains(word), "{word:?} is missing in:\n{output}");
        }
    }

    /// Asserts that a variable was rejected before any request, and not printed.
    pub(crate) fn assert_rejected(&self, error: &str) {
        self.assert_failed(&[error]);
        self.assert_hides(&["hunter4"]);
        assert!(!self.output.contains("healthz"), "{}", self.output);
    }

    /// Asserts that the output contains none of these secrets.
    pub(crate) fn assert_hides(&self, secrets: &[&str]) {
        for secret in secrets {
            let output = &self.output;
            assert!(!output.contains(secret), "a secret is in:\n{output}");
        }
    }
}

/// Runs `cargo xtask` with these arguments and variables, and short pauses.
pub(crate) fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Run> {
    run_with_default_pauses(&[arguments, &["--every", "2ms"]].concat(), variables)
}

pub(crate) fn run_with_default_pauses(
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> Result<Run> {
    let output = command(arguments, variables).output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Run {
        ok: output.status.success(),
        output: text(&output.stdout) + &text(&output.stderr),
    })
}

/// `cargo xtask` with these arguments, and only these of the variables that it reads.
pub(crate) fn command(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(arguments);
    let names = "APP_URL DOCKERHUB_TOKEN DOCKERHUB_USERNAME HEROKU_API_KEY HEROKU_API_URL \
            HEROKU_APP_NAME HEROKU_REGISTRY PROJECT_VPS_PATH RENDER_API_KEY RENDER_DEPLOY_HOOK_URL \
            SSH_HOST SSH_KNOWN_HOSTS SSH_PRIVATE_KEY SSH_USER";
    for name in names.split(' ') {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied());
    command
}
