//! Environment variables that the commands read; each is in the command's `--help` and in docs/delivery.md.

use std::fmt::Write as _;

/// Name, commands that read it, meaning.
const VARIABLES: &str = "
APP_URL | deploy rollback | the site's address, such as https://www.example.org
CI | advisories ci image pipeline | set in pipelines: a check that could not run is an error
DOCKERHUB_TOKEN | deploy image rollback | an access token with read and write permissions
DOCKERHUB_USERNAME | ci deploy image rollback | the account on Docker Hub
HEROKU_API_KEY | deploy rollback | heroku: an API key
HEROKU_API_URL | deploy rollback | heroku: the API [default: https://api.heroku.com]
HEROKU_APP_NAME | deploy rollback | heroku: the name of the app
HEROKU_REGISTRY | deploy rollback | heroku: the registry [default: registry.heroku.com]
PROJECT_VPS_PATH | deploy rollback | vps: the project's folder, such as /srv/oc-lettings
RENDER_API_KEY | deploy rollback | render, optional: an API key, to follow the deploy
RENDER_DEPLOY_HOOK_URL | deploy rollback | render: the deploy hook
SSH_HOST | deploy rollback | vps: HOST or HOST:PORT
SSH_KNOWN_HOSTS | deploy rollback | vps: the host's keys, as ssh-keyscan prints them
SSH_PRIVATE_KEY | deploy rollback | vps: the private key
SSH_USER | deploy rollback | vps: the user
SSL_CERT_FILE | ci image | certificates that the build trusts too, such as those of a proxy
TEST_AXE_JS | ci coverage test | axe.min.js [default: installed from npm]
TEST_POSTGRES_URL | bench ci coverage postgres soak test | a PostgreSQL server [default: a temporary one]
TEST_WEBDRIVER_URL | ci coverage test | a WebDriver server [default: a temporary one]
";

fn variables() -> impl Iterator<Item = [&'static str; 3]> {
    VARIABLES.lines().filter_map(|line| {
        let (name, rest) = line.split_once(" | ")?;
        let (commands, meaning) = rest.split_once(" | ")?;
        Some([name, commands, meaning])
    })
}

pub(crate) fn is_known(name: &str) -> bool {
    variables().any(|[known, ..]| known == name)
}

/// Adds the variables of each command to the end of its help.
pub(crate) fn document(command: clap::Command) -> clap::Command {
    command.mut_subcommands(|command| {
        let mut help = String::new();
        for [name, commands, meaning] in variables() {
            if commands.split(' ').any(|known| known == command.get_name()) {
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
        assert_eq!(variables().count(), 19);
        for [name, ..] in variables() {
            assert!(guide.contains(&format!("`{name}`")), "{name}");
        }
    }
}
