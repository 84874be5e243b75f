//! Every variable of the environment that a chore reads. Nothing else is read, so each list here is whole: it stands
//! in the chore's `--help`, and docs/delivery.md has every name.

use std::fmt;

/// A variable.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    name: &'static str,
    about: &'static str,
}

impl Variable {
    const fn new(name: &'static str, about: &'static str) -> Self {
        Self { name, about }
    }

    /// What it is called.
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Declares variables, each as a constant of its own name, with its line in the help.
macro_rules! variables {
    ($($name:ident: $about:literal;)*) => {
        $(pub(crate) const $name: Variable = Variable::new(stringify!($name), $about);)*
    };
}

variables! {
    APP_URL: "where visitors find the site, such as https://www.example.org";
    CI: "set in a pipeline: what could not be checked is an error then";
    DOCKERHUB_TOKEN: "a token of that account, with read and write";
    DOCKERHUB_USERNAME: "the account at Docker Hub";
    HEROKU_API_KEY: "heroku: a key of its API";
    HEROKU_API_URL: "heroku, if it is elsewhere: its API [default: https://api.heroku.com]";
    HEROKU_APP_NAME: "heroku: the name of the app";
    HEROKU_REGISTRY: "heroku, if it is elsewhere: its registry [default: registry.heroku.com]";
    PROJECT_VPS_PATH: "vps: the folder on the machine, such as /srv/oc-lettings";
    RENDER_API_KEY: "render, if you like: a key of its API, which tells more than the site does";
    RENDER_DEPLOY_HOOK_URL: "render: the address of the deploy hook";
    SSH_HOST: "vps: the name of the machine, or HOST:PORT";
    SSH_KNOWN_HOSTS: "vps: the keys of the machine itself, as ssh-keyscan prints them";
    SSH_PRIVATE_KEY: "vps: the private key, the whole file";
    SSH_USER: "vps: who logs in";
    SSL_CERT_FILE: "certificates that the build trusts too, as behind a company's proxy";
    TEST_AXE_JS: "axe-core, where it is there already; without, it is fetched";
    TEST_POSTGRES_URL: "a PostgreSQL server to use; without, one is started";
    TEST_WEBDRIVER_URL: "a WebDriver server to use; without, one is started";
}

const IMAGE: &[&Variable] = &[&CI, &DOCKERHUB_TOKEN, &DOCKERHUB_USERNAME, &SSL_CERT_FILE];

const TESTS: &[&Variable] = &[&TEST_AXE_JS, &TEST_POSTGRES_URL, &TEST_WEBDRIVER_URL];

const DEPLOY: &[&Variable] = &[
    &APP_URL,
    &DOCKERHUB_TOKEN,
    &DOCKERHUB_USERNAME,
    &HEROKU_API_KEY,
    &HEROKU_API_URL,
    &HEROKU_APP_NAME,
    &HEROKU_REGISTRY,
    &PROJECT_VPS_PATH,
    &RENDER_API_KEY,
    &RENDER_DEPLOY_HOOK_URL,
    &SSH_HOST,
    &SSH_KNOWN_HOSTS,
    &SSH_PRIVATE_KEY,
    &SSH_USER,
];

/// What each chore reads; one that is not here reads nothing.
const READ: &[(&str, &[&Variable])] = &[
    ("advisories", &[&CI]),
    (
        "ci",
        &[
            &CI,
            &DOCKERHUB_USERNAME,
            &SSL_CERT_FILE,
            &TEST_AXE_JS,
            &TEST_POSTGRES_URL,
            &TEST_WEBDRIVER_URL,
        ],
    ),
    ("coverage", TESTS),
    ("deploy", DEPLOY),
    ("image", IMAGE),
    ("pipeline", &[&CI]),
    ("postgres", &[&TEST_POSTGRES_URL]),
    ("rollback", DEPLOY),
    ("test", TESTS),
];

/// What the chore of that name reads.
pub(crate) fn of(chore: &str) -> &'static [&'static Variable] {
    let found = READ.iter().find(|(name, _)| *name == chore);
    found.map_or(&[], |(_, variables)| variables)
}

/// The command line, with what each chore reads at the end of its help.
pub(crate) fn describe(mut command: clap::Command) -> clap::Command {
    for (chore, variables) in READ {
        let line = |Variable { name, about }: &&Variable| format!("  {name:<23} {about}");
        let lines: Vec<String> = variables.iter().map(line).collect();
        let help = format!("Variables of the environment:\n{}", lines.join("\n"));
        command = command.mut_subcommand(chore, |chore| chore.after_help(help));
    }
    command
}

#[cfg(test)]
mod tests {
    use std::fs;

    use anyhow::Result;
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_variable_stands_in_the_help_and_in_the_documentation() -> Result<()> {
        let delivery = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/delivery.md");
        let delivery = fs::read_to_string(delivery)?;
        let mut command = describe(crate::Cli::command());
        for (chore, variables) in READ {
            let chore = command.find_subcommand_mut(chore);
            let help = chore.map(|chore| chore.render_long_help().to_string());
            let help = help.unwrap_or_default();
            for variable in *variables {
                assert!(help.contains(variable.about), "{variable} in:\n{help}");
                assert!(help.contains(&format!(" {variable} ")), "{help}");
                let row = format!("\n| `{variable}` | ");
                assert!(delivery.contains(&row), "{variable} in docs/delivery.md");
            }
        }
        Ok(())
    }
}
