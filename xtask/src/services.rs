//! Servers that tests need: PostgreSQL and a browser.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};

use anyhow::Result;
use xshell::{Cmd, cmd};

use crate::context::{Context, Server};
use crate::{system_packages, tools};

#[derive(clap::Args)]
pub(crate) struct PostgresArgs {
    /// The command and its arguments.
    #[arg(trailing_var_arg = true, required = true)]
    command: Vec<OsString>,
}

/// Runs a command with a temporary PostgreSQL server.
pub(crate) fn run_with_postgres(context: &Context, args: &PostgresArgs) -> Result<()> {
    context.run(with_postgres(context)?.args(&args.command))
}

/// Many tests at once, each with a pool; nothing has to survive a power cut.
const POSTGRES_OPTIONS: &str = "-t -i--encoding=UTF8 -i--locale=C.UTF-8 -o listen_addresses=localhost \
     -o max_connections=300 -o fsync=off -o full_page_writes=off -o synchronous_commit=off";

/// Starts the command that is appended as arguments, with `TEST_POSTGRES_URL` in its environment.
const WITH_URL: &str = r#"
TEST_POSTGRES_URL=postgres://$PGUSER:$PGPASSWORD@$PGHOST:$PGPORT/postgres
export TEST_POSTGRES_URL
unset PGUSER PGPASSWORD PGHOST PGPORT PGDATABASE
exec "$@"
"#;

/// A command to append another one to, which then finds a PostgreSQL server in `TEST_POSTGRES_URL`.
pub(crate) fn with_postgres(context: &Context) -> Result<Cmd<'_>> {
    if context.variable("TEST_POSTGRES_URL").is_some() {
        return Ok(cmd!(context.shell, "env"));
    }
    system_packages::require(context, system_packages::POSTGRES)?;
    let options = POSTGRES_OPTIONS.split(' ');
    Ok(cmd!(
        context.shell,
        "pg_virtualenv {options...} sh -c {WITH_URL} sh"
    ))
}

/// Sets `TEST_WEBDRIVER_URL` and `TEST_AXE_JS` unless they are set, and starts a WebDriver server if need be.
pub(crate) fn start_browser(context: &Context) -> Result<Option<Server>> {
    if context.variable("TEST_AXE_JS").is_none() {
        let axe = tools::npm(context, &tools::AXE_CORE)?;
        context.shell.set_var("TEST_AXE_JS", axe.join("axe.min.js"));
    }
    if context.variable("TEST_WEBDRIVER_URL").is_some() {
        return Ok(None);
    }
    system_packages::require(context, system_packages::BROWSER)?;
    let mut server = context.start(cmd!(context.shell, "chromedriver --port=0"))?;
    let mut output = BufReader::new(server.0.stdout.as_mut().expect("stdout is piped"));
    let mut line = String::new();
    let port = loop {
        line.clear();
        let count = output.read_line(&mut line)?;
        anyhow::ensure!(count > 0, "chromedriver did not start");
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            break port.trim_end().trim_end_matches('.').to_owned();
        }
    };
    let url = format!("http://127.0.0.1:{port}");
    context.shell.set_var("TEST_WEBDRIVER_URL", url);
    Ok(Some(server))
}
