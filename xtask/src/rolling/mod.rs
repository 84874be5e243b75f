//! Replaces both slots behind the real proxy while visitors come, and counts the requests that failed.
//!
//! Real are the proxy, its settings, `roll.sh` and the site. Only Docker is not: a slot is a process here.

use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ureq::Agent;
use xshell::cmd;

use crate::http::{Http, get};
use crate::machine::Machine;
use crate::needs;

/// Visitors at a time.
const VISITORS: usize = 8;

/// What they ask for, and what they must get. A refused POST shows that nothing is sent twice or lost either.
const REQUESTS: [(&str, &str, u16); 5] = [
    ("GET", "/", 200),
    ("GET", "/lettings/", 200),
    ("POST", "/lettings/", 405),
    ("GET", "/profiles/", 200),
    ("GET", "/readyz", 200),
];

/// The least number of requests, unless told otherwise.
const ENOUGH: u64 = 10_000;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The least number of requests.
    #[arg(long, default_value_t = ENOUGH)]
    requests: u64,

    /// A program that is built already [default: build this one].
    #[arg(long)]
    program: Option<PathBuf>,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            requests: ENOUGH,
            program: None,
        }
    }
}

/// Makes a project as on a real machine, rolls it once to begin with, and once under load.
pub(crate) fn run(machine: &Machine, args: &Args) -> Result<()> {
    needs::require(machine, &needs::CADDY)?;
    let program = match &args.program {
        Some(program) => program
            .canonicalize()
            .with_context(|| program.display().to_string())?,
        None => build(machine)?,
    };
    let stage = Stage::set(machine, program)?;
    stage.roll("image-1")?;
    let http = Http::new(Duration::from_millis(200));
    http.send(
        "the site behind the proxy",
        &get(&format!("{}/healthz", stage.url))?,
    )?;

    let load = Load::default();
    let start = Instant::now();
    let rolled = thread::scope(|scope| {
        for _ in 0..VISITORS {
            scope.spawn(|| load.visit(&stage.url));
        }
        // Some come before, some during, some after.
        load.wait_for(args.requests / 5);
        let before = load.done();
        let rolled = stage.roll("image-2");
        let during = load.done() - before;
        load.wait_for(args.requests);
        load.over.store(true, Ordering::Relaxed);
        rolled.map(|()| during)
    });
    let during = rolled?;

    let starts = machine
        .shell
        .read_file(stage.folder.path().join("starts"))?;
    ensure!(
        starts == "web-a\nweb-b\nweb-a\nweb-b\n",
        "not every slot was started twice: {starts:?}"
    );
    let (done, failed) = (load.done(), load.failed.load(Ordering::Relaxed));
    println!(
        "{done} requests by {VISITORS} visitors in {:.0} s, {during} of them while both slots were replaced: {failed} failed",
        start.elapsed().as_secs_f32()
    );
    ensure!(during > 0, "nobody came while the slots were replaced");
    ensure!(failed == 0, "{failed} requests failed");
    Ok(())
}

fn build(machine: &Machine) -> Result<PathBuf> {
    needs::require(machine, &needs::BUILD)?;
    machine.run(cmd!(
        machine.shell,
        "cargo build --quiet --locked --package web"
    ))?;
    Ok(machine.root.join("target/debug/oc-lettings"))
}

/// The machine of the play: a folder with the project, and where visitors find it.
struct Stage<'a> {
    machine: &'a Machine,
    folder: tempfile::TempDir,
    program: PathBuf,
    ports: [u16; 2],
    admin: String,
    url: String,
}

impl<'a> Stage<'a> {
    fn set(machine: &'a Machine, program: PathBuf) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path();
        let deploy = machine.root.join("deploy");
        machine.shell.create_dir(path.join("caddy"))?;
        for name in ["roll.sh", "caddy/Caddyfile"] {
            machine
                .shell
                .copy_file(deploy.join(name), path.join(name))?;
        }
        machine
            .shell
            .write_file(path.join(".env"), "PROXY=caddy\n")?;
        machine.shell.write_file(
            path.join("caddy/members.caddy"),
            "to web-a:8000 web-b:8000\n",
        )?;
        machine.shell.create_dir(path.join("bin"))?;
        symlink(
            machine.root.join("xtask/src/rolling/docker"),
            path.join("bin/docker"),
        )?;

        let [port_a, port_b, admin, visitors] = free_ports()?;
        let admin = format!("127.0.0.1:{admin}");
        let url = format!("http://127.0.0.1:{visitors}");
        Ok(Self {
            machine,
            program,
            ports: [port_a, port_b],
            admin,
            url,
            folder,
        })
    }

    /// Has `roll.sh` put an image into both slots.
    fn roll(&self, image: &str) -> Result<()> {
        let path = self.folder.path();
        let script = path.join("roll.sh");
        let mut programs = path.join("bin").into_os_string();
        programs.push(":");
        programs.push(self.machine.path());
        let [port_a, port_b] = self.ports.map(|port| port.to_string());
        let database = path.join("oc.sqlite3");
        let roll = cmd!(self.machine.shell, "sh {script} {image}")
            .env("PATH", programs)
            .env("PROGRAM", &self.program)
            .env("PORT_A", port_a)
            .env("PORT_B", port_b)
            .env("CADDY_ADMIN", &self.admin)
            .env("SITE_ADDRESS", &self.url)
            .env("SITE_HOST", "127.0.0.1")
            .env("SLOTS_OUT", path.join("caddy/out"))
            .env("HOME", path)
            .env("APP_ENV", "production")
            .env("ALLOWED_HOSTS", "127.0.0.1")
            .env("TRUSTED_PROXIES", "127.0.0.1")
            .env("SECRET_KEY", "rolling".repeat(8))
            .env("DATABASE_URL", format!("sqlite://{}", database.display()))
            .env("RUST_LOG", "warn");
        self.machine.run(roll).with_context(|| {
            let read = |name: &str| {
                self.machine
                    .shell
                    .read_file(path.join(name))
                    .unwrap_or_default()
            };
            format!(
                "{}{}{}",
                read("web-a.log"),
                read("web-b.log"),
                read("caddy.log")
            )
        })
    }
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        for slot in ["caddy", "web-a", "web-b"] {
            if let Some(process) = process(self.folder.path(), slot) {
                let kill = cmd!(self.machine.shell, "kill -TERM {process}");
                // What ended by itself cannot be ended any more.
                let _ = kill.quiet().ignore_stderr().run();
            }
        }
    }
}

fn process(folder: &Path, slot: &str) -> Option<String> {
    let text = std::fs::read_to_string(folder.join(format!("{slot}.pid"))).ok()?;
    Some(text.trim().to_owned())
}

/// What the visitors did.
#[derive(Default)]
struct Load {
    good: AtomicU64,
    failed: AtomicU64,
    over: AtomicBool,
}

impl Load {
    /// One visitor, who asks again and again over a connection that stays.
    fn visit(&self, url: &str) {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .build();
        let agent: Agent = config.into();
        for (method, path, expected) in REQUESTS.into_iter().cycle() {
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            match ask(&agent, method, &format!("{url}{path}")) {
                Ok(status) if status == expected => self.good.fetch_add(1, Ordering::Relaxed),
                outcome => {
                    eprintln!("{method} {path}: {outcome:?}");
                    self.failed.fetch_add(1, Ordering::Relaxed)
                }
            };
        }
    }

    fn done(&self) -> u64 {
        self.good.load(Ordering::Relaxed) + self.failed.load(Ordering::Relaxed)
    }

    fn wait_for(&self, requests: u64) {
        while self.done() < requests {
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The status of an answer that came whole.
fn ask(agent: &Agent, method: &str, url: &str) -> Result<u16, ureq::Error> {
    let mut answer = match method {
        "POST" => agent.post(url).send_form([("a", "b")])?,
        _ => agent.get(url).call()?,
    };
    answer.body_mut().read_to_vec()?;
    Ok(answer.status().as_u16())
}

/// Ports that are free just now; all are held until each is known, so that they differ.
fn free_ports() -> Result<[u16; 4]> {
    let mut ports = [0; 4];
    let mut listeners = Vec::new();
    for port in &mut ports {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        *port = listener.local_addr()?.port();
        listeners.push(listener);
    }
    Ok(ports)
}
