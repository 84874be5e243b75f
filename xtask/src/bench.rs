//! How fast pages come. Figures of one run are told as ratios: they compare pages, not machines or days.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use ureq::Agent;
use xshell::cmd;

use crate::machine::Machine;
use crate::needs;

/// What is asked for; everything is compared to the first, which does next to nothing.
const ROUTES: [(&str, &str); 6] = [
    ("alive", "/healthz"),
    ("ready", "/readyz"),
    ("home", "/"),
    ("list", "/lettings/"),
    ("one letting", "/lettings/1/"),
    ("search", "/lettings/?q=beach"),
];

/// The pages take turns, so that a busy moment of the machine meets them all.
const ROUNDS: usize = 9;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many lettings the site has.
    #[arg(long, default_value = "1000")]
    lettings: u32,

    /// Requests for each page and round.
    #[arg(long, default_value = "200")]
    requests: u32,

    /// A program that is built already [default: build this one, as for a release].
    #[arg(long)]
    program: Option<PathBuf>,
}

/// Starts the site on a database of its own, asks for each page in turn, and prints a table.
pub(crate) fn run(machine: &Machine, args: &Args) -> Result<()> {
    ensure!(
        args.requests > 0,
        "without requests there is nothing to measure"
    );
    let program = match &args.program {
        Some(program) => program
            .canonicalize()
            .with_context(|| program.display().to_string())?,
        None => build(machine)?,
    };
    let folder = tempfile::tempdir()?;
    let lettings = args.lettings.to_string();
    let fill = command(&program, folder.path(), &["demo", "--lettings", &lettings]).output()?;
    ensure!(
        fill.status.success(),
        "{}",
        String::from_utf8_lossy(&fill.stderr)
    );
    let site = Site::start(&program, folder.path())?;

    let config = Agent::config_builder().timeout_global(Some(Duration::from_secs(30)));
    let agent: Agent = config.build().into();
    let mut times = vec![Vec::new(); ROUTES.len()];
    for _ in 0..ROUNDS {
        for ((_, path), times) in ROUTES.iter().zip(&mut times) {
            let url = format!("{}{path}", site.url);
            let start = Instant::now();
            for _ in 0..args.requests {
                let mut answer = agent.get(&url).call().with_context(|| url.clone())?;
                answer.body_mut().read_to_vec()?;
            }
            times.push(start.elapsed().as_secs_f64() / f64::from(args.requests));
        }
    }

    println!(
        "one visitor, one connection, {lettings} lettings; the median of {ROUNDS} rounds of {} requests",
        args.requests
    );
    println!(
        "{:<12} {:<20} {:>12} {:>8}",
        "page", "", "requests/s", "ratio"
    );
    let medians: Vec<f64> = times.into_iter().map(median).collect();
    for ((name, path), time) in ROUTES.iter().zip(&medians) {
        println!(
            "{name:<12} {path:<20} {:>12.0} {:>8.2}",
            1.0 / time,
            medians[0] / time
        );
    }
    Ok(())
}

fn build(machine: &Machine) -> Result<PathBuf> {
    needs::require(machine, &needs::BUILD)?;
    machine.run(cmd!(
        machine.shell,
        "cargo build --release --locked --package web"
    ))?;
    Ok(machine.root.join("target/release/oc-lettings"))
}

/// The program with a database in that folder, and nothing of our own environment.
fn command(program: &Path, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("APP_ENV", "production")
        .env("ALLOWED_HOSTS", "127.0.0.1")
        .env("SECRET_KEY", "bench".repeat(8))
        .env("PORT", "0")
        .env("RUST_LOG", "warn,web::server=info");
    command
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// A running site, ended when this is dropped.
struct Site {
    child: Child,
    url: String,
}

impl Site {
    fn start(program: &Path, folder: &Path) -> Result<Self> {
        let mut child = command(program, folder, &["serve"])
            .stderr(Stdio::piped())
            .spawn()?;
        let errors = child.stderr.take().context("it was started with a pipe")?;
        let mut lines = BufReader::new(errors).lines();
        let mut said = String::new();
        for line in &mut lines {
            let line = line?;
            let address = line
                .split_once("serving http://")
                .and_then(|(_, rest)| rest.split('/').next());
            if let Some(address) = address {
                let url = format!("http://{address}");
                // What it still has to say must not fill the pipe.
                std::thread::spawn(move || lines.for_each(drop));
                return Ok(Self { child, url });
            }
            said.push_str(&line);
            said.push('\n');
        }
        bail!("the site does not start: {said}")
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_leaves_out_what_sticks_out() {
        assert!((median(vec![9.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
    }
}
