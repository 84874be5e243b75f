//! Compares the site's speed with that of a bare actix-web server that sends the same bytes from memory.
//! `cargo xtask bench --help`.
//!
//! Both run on the same cores and take turns in every round, so that other load on the machine meets both. Ratios of
//! one run are comparable; requests per second of different machines or days are not.

mod bare_server;
mod load;
mod report;
mod request;
mod saves;

use std::env::consts::ARCH;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};
use soak::site::{Place, Site};
use xshell::{Shell, cmd};

use bare_server::BareServer;
use load::Load;
use report::{Measurement, Report};
use request::{Request, requests};
use saves::Saves;

#[derive(Parser)]
#[command(
    name = "cargo xtask bench",
    about = "Compare the site's speed with that of a bare server"
)]
struct Args {
    /// Databases.
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["sqlite", "postgres"])]
    databases: Vec<Database>,

    /// Numbers of lettings; 0 for the demo data.
    #[arg(long, value_delimiter = ',', default_values = ["0", "1000000"])]
    lettings: Vec<u32>,

    /// Numbers of connections.
    #[arg(long, value_delimiter = ',', default_values = ["2", "64"])]
    connections: Vec<u32>,

    /// Only requests whose name contains this.
    #[arg(long, default_value = "")]
    only: String,

    /// Staff saves per second during the measurements.
    #[arg(long, value_delimiter = ',', default_values = ["0", "20"])]
    saves: Vec<u32>,

    /// Rounds of each measurement; the median counts.
    #[arg(long, default_value = "3")]
    rounds: usize,

    /// Seconds of load on each server in each round.
    #[arg(long, default_value = "2")]
    seconds: u32,

    /// A program that is already built.
    #[arg(long)]
    program: Option<PathBuf>,

    /// Results of an earlier run (JSON): list what became more than 10 % slower.
    #[arg(long)]
    against: Option<PathBuf>,

    /// Write docs/performance.md and its chart too.
    #[arg(long)]
    write: bool,

    /// Serve the responses in a folder; used by the benchmark itself.
    #[arg(long, hide = true)]
    serve: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Database {
    Sqlite,
    Postgres,
}

fn main() -> Result<()> {
    let args = Args::parse();
    if let Some(folder) = &args.serve {
        return bare_server::serve(folder);
    }
    let shell = Shell::new()?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this crate is in the workspace");
    shell.change_dir(root);
    let earlier = match &args.against {
        Some(file) => Some(Report::read(file)?),
        None => None,
    };
    let program = if let Some(program) = &args.program {
        let program = program.canonicalize();
        program.context("--program does not exist")?
    } else {
        let target = format!("{ARCH}-unknown-linux-gnu");
        let image = ["--config=.cargo/image.toml", "--target", &target];
        let options = ["--release", "--locked", "--features=postgres-tls"];
        cmd!(shell, "cargo build {image...} --package web {options...}").run()?;
        root.join(format!("target/{target}/release/oc-lettings"))
    };

    let mut report = Report::default();
    for database in &args.databases {
        for lettings in &args.lettings {
            measure_site(&shell, &program, &args, *database, *lettings, &mut report)?;
        }
    }
    println!("\n{}", report.table());
    let results = root.join("target/bench.json");
    fs::write(&results, report.to_json()?)?;
    println!("results: {}", results.display());
    if args.write {
        report.write_docs(&root.join("docs"))?;
    }
    if let Some(earlier) = earlier {
        let slower = report.slower_than(&earlier);
        ensure!(
            slower.is_empty(),
            "slower than before:\n{}",
            slower.join("\n")
        );
    }
    Ok(())
}

/// Measures every request of a site with one database and number of lettings.
fn measure_site(
    shell: &Shell,
    program: &Path,
    args: &Args,
    database: Database,
    lettings: u32,
    report: &mut Report,
) -> Result<()> {
    let mut settings = vec![("RUST_LOG", "warn,web::server=info".to_owned())];
    let name = match database {
        Database::Sqlite => "SQLite",
        Database::Postgres => {
            let url = shell
                .var("TEST_POSTGRES_URL")
                .context("start it with `cargo xtask bench`")?;
            cmd!(shell, "psql --quiet {url} --command")
                .arg("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
                .run()?;
            settings.push(("DATABASE_URL", url));
            "PostgreSQL"
        }
    };
    let place = Place::new(shell, program, &settings)?;
    if lettings == 0 {
        place.fill_with_demo_data()?;
    } else {
        place.tell(&["demo", "--lettings", &lettings.to_string()])?;
        place.tell(&["createsuperuser", "--no-input"])?;
    }
    let site = place.start()?;
    let idle_memory = site.memory()?;
    let mut requests = requests(site.address)?;
    requests.retain(|request| request.name.contains(&args.only));
    let bare = BareServer::start(&requests)?;
    for saves in &args.saves {
        let staff = Saves::start(site.address, *saves)?;
        for (index, request) in requests.iter().enumerate() {
            for connections in &args.connections {
                let mut measurement = Measurement {
                    database: name.to_owned(),
                    lettings,
                    request: request.name.clone(),
                    connections: *connections,
                    saves: *saves,
                    ..Measurement::default()
                };
                measure(args, &site, &bare, (index, request), &mut measurement)?;
                println!("{}", measurement.row());
                report.measurements.push(measurement);
            }
        }
        staff.stop()?;
    }
    report.memory.push(format!(
        "{name}, {}: {idle_memory} MB idle, {} MB at the end",
        report::lettings(lettings),
        site.memory()?
    ));
    site.stop(shell)
}

/// Both servers in turn.
fn measure(
    args: &Args,
    site: &Site,
    bare: &BareServer,
    (index, request): (usize, &Request),
    measurement: &mut Measurement,
) -> Result<()> {
    let load = |id: u32, address: SocketAddr, path: &str, headers: &[String]| {
        Load::run(
            id,
            address,
            path,
            headers,
            measurement.connections,
            args.seconds,
        )
    };
    let mut rounds = Vec::new();
    for _ in 0..args.rounds {
        let ours = load(site.id(), site.address, &request.path, &request.headers)?;
        let theirs = load(
            bare.id(),
            bare.address,
            &format!("/{index}"),
            &request.headers,
        )?;
        rounds.push((ours, theirs));
    }
    let median = |value: fn(&(Load, Load)) -> f64| {
        let mut values: Vec<_> = rounds.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    measurement.rate = median(|(ours, _)| ours.rate);
    measurement.bare_rate = median(|(_, theirs)| theirs.rate);
    measurement.ratio = median(|(ours, theirs)| ours.rate / theirs.rate);
    measurement.p50 = median(|(ours, _)| ours.p50);
    measurement.p99 = median(|(ours, _)| ours.p99);
    measurement.bare_p99 = median(|(_, theirs)| theirs.p99);
    measurement.cpu = median(|(ours, _)| ours.cpu);
    measurement.bare_cpu = median(|(_, theirs)| theirs.cpu);
    Ok(())
}
