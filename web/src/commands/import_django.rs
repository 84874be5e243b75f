//! `import-django`: imports a Django edition of the site.

use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use django_import::{Options, Outcome, import};
use transfer::Input;

use super::start;
use crate::config::Config;

/// Arguments of `import-django`. The database must be empty: a new one, or one that was only migrated.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The SQLite database of the Django site, or the JSON that its dumpdata wrote; - for standard input
    file: PathBuf,
    /// Check the file and print the report, but write nothing
    #[arg(long)]
    dry_run: bool,
    /// Import the other rows where some can't be imported
    #[arg(long)]
    skip_bad: bool,
    /// Show the e-mail address on every imported profile
    #[arg(long)]
    show_emails: bool,
}

pub(crate) fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<()> {
    start::check_not_read_only(config)?;
    let options = Options {
        dry_run: arguments.dry_run,
        skip_bad: arguments.skip_bad,
        show_emails: arguments.show_emails,
    };
    let input = Input::open(&arguments.file)?;
    let url = config.direct_url();
    let report = import(&input, options, url)?;
    if report.outcome == Outcome::Imported {
        start::index(&mut start::open_existing(url)?)?;
    }
    match io::stdout().lock().write_all(report.to_string().as_bytes()) {
        // The reader may have closed the pipe early; the import is done.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            return Err(error)
                .context("the import is complete, but its report could not be written");
        }
        _ => {}
    }
    if report.outcome == Outcome::Rejected {
        bail!(
            "nothing was imported: {} has problems ({})",
            arguments.file.display(),
            report.problems()
        );
    }
    Ok(())
}
