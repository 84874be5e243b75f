//! Both slots of a VPS replaced behind Caddy under load: no request fails.
//!
//! Caddy, its configuration, `roll.sh` and the site are real. Docker is a script: a slot is a process.

use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use xshell::{Shell, cmd};

use crate::load::{Load, free_ports};

/// Number of visitors.
const VISITORS: usize = 8;

/// Requests with their expected status. A rejected POST shows that no request is lost or repeated.
const REQUESTS: [(&str, &str, u16); 5] = [
    ("GET", "/", 200),
    ("GET", "/lettings/", 200),
    ("POST", "/lettings/", 405),
    ("GET", "/profiles/", 200),
    ("GET", "/readyz", 200),
];

/// Minimum number of requests before, during and after the replacement.
const REQUESTS_PER_STEP: u64 = 10_000;

/// Deploys to an empty project, and again under load.
pub(crate) fn run(shell: &Shell, root: &Path, program: &Path) -> Result<String> {
    let stage = Stage::new(shell, root, program)?;
    stage.roll("image-1")?;
    let load = Load::default();
    let start = Instant::now();
    let during = load.during(VISITORS, stage.address, &REQUESTS, || {
        load.wait_for(REQUESTS_PER_STEP / 5);
        let before = load.done();
        stage.roll("image-2")?;
        let during = load.done() - before;
        load.wait_for(REQUESTS_PER_STEP);
        Ok(during)
    })?;

    let starts = shell.read_file(stage.folder.path().join("starts"))?;
    ensure!(
        starts == "web-a\nweb-b\nweb-a\nweb-b\n",
        "not every slot was started twice: {starts:?}"
    );
    ensure!(during > 0, "no request arrived during the replacement");
    load.check()?;
    Ok(format!(
        "{} requests in {:.0} s, {during} of them during the replacement, none failed",
        load.done(),
        start.elapsed().as_secs_f32()
    ))
}

/// A folder in place of the machine, and the site's address.
struct Stage<'a> {
    shell: &'a Shell,
    folder: tempfile::TempDir,
    program: &'a Path,
    ports: [u16; 2],
    admin: String,
    address: SocketAddr,
}

impl<'a> Stage<'a> {
    fn new(shell: &'a Shell, root: &Path, program: &'a Path) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path();
        let deploy = root.join("deploy");
        shell.create_dir(path.join("caddy"))?;
        for name in ["roll.sh", "caddy/Caddyfile"] {
            shell.copy_file(deploy.join(name), path.join(name))?;
        }
        shell.write_file(path.join(".env"), "PROXY=caddy\n")?;
        shell.write_file(
            path.join("caddy/members.caddy"),
            "to web-a:8000 web-b:8000\n",
        )?;
        shell.create_dir(path.join("bin"))?;
        symlink(root.join("soak/src/docker"), path.join("bin/docker"))?;
        let [port_a, port_b, admin, visitors] = free_ports()?;
        Ok(Self {
            shell,
            program,
            ports: [port_a, port_b],
            admin: format!("127.0.0.1:{admin}"),
            address: ([127, 0, 0, 1], visitors).into(),
            folder,
        })
    }

    /// Runs `roll.sh` with a new image for both slots.
    fn roll(&self, image: &str) -> Result<()> {
        let path = self.folder.path();
        let script = path.join("roll.sh");
        let mut programs = path.join("bin").into_os_string();
        programs.push(":");
        programs.push(self.shell.var_os("PATH").unwrap_or_default());
        let [port_a, port_b] = self.ports.map(|port| port.to_string());
        let database = path.join("oc.sqlite3");
        let roll = cmd!(self.shell, "sh {script} {image}")
            .env("PATH", programs)
            .env("PROGRAM", self.program)
            .env("PORT_A", port_a)
            .env("PORT_B", port_b)
            .env("CADDY_ADMIN", &self.admin)
            .env("SITE_ADDRESS", format!("http://{}", self.address))
            .env("SITE_HOST", "127.0.0.1")
            .env("SLOTS_OUT", path.join("caddy/out"))
            .env("HOME", path)
            .env("APP_ENV", "production")
            .env("ALLOWED_HOSTS", "127.0.0.1")
            .env("TRUSTED_PROXIES", "127.0.0.1")
            .env("SECRET_KEY", "rolling".repeat(8))
            .env("DATABASE_URL", format!("sqlite://{}", database.display()))
            .env("RUST_LOG", "warn");
        roll.run().with_context(|| {
            let read = |name: &str| self.shell.read_file(path.join(name)).unwrap_or_default();
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
                let kill = cmd!(self.shell, "kill -TERM {process}");
                // The process may have ended by itself.
                let _ = kill.quiet().ignore_stderr().run();
            }
        }
    }
}

fn process(folder: &Path, slot: &str) -> Option<String> {
    let text = std::fs::read_to_string(folder.join(format!("{slot}.pid"))).ok()?;
    Some(text.trim().to_owned())
}
