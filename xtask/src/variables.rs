//! Environment variables that the commands read; each is in the command's `--help` and in docs/delivery.md.

use std::fmt::Write as _;

const DEPLOY: &[&str] = &["deploy", "rollback"];
const PUSH: &[&str] = &["deploy", "image", "rollback"];
const TESTS: &[&str] = &["ci", "coverage", "test"];

/// Name, meaning, and the commands that read it.
const VARIABLES: &[(&str, &str, &[&str])] = &[
    (
        "APP_URL",
        "the site's address, such as https://www.example.org",
        DEPLOY,
    ),
    (
        "CI",
        "set in pipelines: a check that could not run is an error",
        &["advisories", "ci", "image", "pipeline"],
    ),
    (
        "DOCKERHUB_TOKEN",
        "an access token with read and write permissions",
        PUSH,
    ),
    ("DOCKERHUB_USERNAME", "the account on Docker Hub", PUSH),
    ("HEROKU_API_KEY", "heroku: an API key", DEPLOY),
    (
        "HEROKU_API_URL",
        "heroku: the API [default: https://api.heroku.com]",
        DEPLOY,
    ),
    ("HEROKU_APP_NAME", "heroku: the name of the app", DEPLOY),
    (
        "HEROKU_REGISTRY",
        "heroku: the registry [default: registry.heroku.com]",
        DEPLOY,
    ),
    (
        "PROJECT_VPS_PATH",
        "vps: the project's folder, such as /srv/oc-lettings",
        DEPLOY,
    ),
    (
        "RENDER_API_KEY",
        "render, optional: an API key, to follow the deploy",
        DEPLOY,
    ),
    ("RENDER_DEPLOY_HOOK_URL", "render: the deploy hook", DEPLOY),
    ("SSH_HOST", "vps: HOST or HOST:PORT", DEPLOY),
    (
        "SSH_KNOWN_HOSTS",
        "vps: the host's keys, as ssh-keyscan prints them",
        DEPLOY,
    ),
    ("SSH_PRIVATE_KEY", "vps: the private key", DEPLOY),
    ("SSH_USER", "vps: the user", DEPLOY),
    (
        "SSL_CERT_FILE",
        "certificates that the build trusts too, such as those of a proxy",
        &["ci", "image"],
    ),
    (
        "TEST_AXE_JS",
        "axe.min.js [default: installed from npm]",
        TESTS,
    ),
    (
        "TEST_POSTGRES_URL",
        "a PostgreSQL server [default: a temporary one]",
        &["bench", "ci", "coverage", "postgres", "soak", "test"],
    ),
    (
        "TEST_WEBDRIVER_URL",
        "a WebDriver server [default: a temporary one]",
        TESTS,
    ),
];

pub(crate) fn is_known(name: &str) -> bool {
    VARIABLES.iter().any(|(known, ..)| *known == name)
}

/// Adds the variables of each command to the end of its help.
pub(crate) fn document(command: clap::Command) -> clap::Command {
    command.mut_subcommands(|command| {
        let mut help = String::new();
        for (name, meaning, commands) in VARIABLES {
            if commands.contains(&command.get_name()) {
                writeln!(help, "  {name:<23} {meaning}").expect("a string accepts all text");
            }
        }
        if help.is_empty() {
            return command;
        }
        command.after_help(format!("Environment variables:\n{help}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_lists_every_variable() {
        let guide = include_str!("../../docs/delivery.md");
        for (name, ..) in VARIABLES {
            assert!(guide.contains(&format!("`{name}`")), "{name}");
        }
    }
}
