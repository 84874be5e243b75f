//! `import-django`: everything that a Django edition of the site holds.

use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use oc_core::{DatabaseUrl, DbConnection};

use super::start;
use crate::config::Config;
use django_import::{Options, Outcome, import};

/// What `import-django` can be told.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line, and they go together in any way"
)]
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The SQLite database of the Django site, or what its `dumpdata` wrote as JSON; it is only read
    file: PathBuf,
    /// Write nothing; say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Leave out rows that break a rule, and import the others
    #[arg(long)]
    skip_bad: bool,
    /// Add to a database that holds other lettings; nothing that stands is overwritten
    #[arg(long)]
    merge: bool,
    /// Show the e-mail address on every imported profile
    #[arg(long)]
    show_emails: bool,
    /// How the report is written
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    format: Format,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For eyes
    #[default]
    Text,
    /// For machines
    Json,
}

pub(crate) fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<()> {
    let options = Options {
        dry_run: arguments.dry_run,
        skip_bad: arguments.skip_bad,
        merge: arguments.merge,
        show_emails: arguments.show_emails,
    };
    let url = &config.database_url;
    let open = || open(url, arguments.dry_run);
    let report = import(&arguments.file, options, url, &open)?;
    let text = match arguments.format {
        Format::Text => report.to_string(),
        Format::Json => serde_json::to_string_pretty(&report)? + "\n",
    };
    match io::stdout().lock().write_all(text.as_bytes()) {
        // Whoever reads it may have seen enough; what was done is done.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            return Err(error)
                .context("the import went to its end, but its report cannot be written");
        }
        _ => {}
    }
    match report.outcome {
        Outcome::Refused(why) => bail!("{why}"),
        Outcome::Imported | Outcome::Tried | Outcome::Stands(_) => Ok(()),
    }
}

/// Opens the database; for a dry run one that is there alone, since opening would make it.
fn open(url: &DatabaseUrl, dry_run: bool) -> anyhow::Result<Option<DbConnection>> {
    if dry_run
        && let Some(path) = url.file()
        && std::fs::metadata(path).map_or(true, |file| file.len() == 0)
    {
        return Ok(None);
    }
    let mut conn = if dry_run {
        start::open_checked_read_only(url)?
    } else {
        start::open_checked(url)?
    };
    if let DbConnection::Sqlite(sqlite) = &mut conn {
        use diesel::connection::SimpleConnection;
        // Indexes grow at places all over the file; in the usual cache of 2 MB their pages come and go.
        sqlite
            .batch_execute("PRAGMA cache_size = -65536")
            .context("cannot use the database")?;
    }
    Ok(Some(conn))
}
