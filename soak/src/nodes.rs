//! Three nodes on one PostgreSQL behind Caddy, as in docs/scaling.md: they share sessions and data, one is killed under
//! load, and all are replaced under load.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use xshell::Shell;

use crate::load::{Load, PAGES, free_ports, wait_until};
use crate::postgres_server::PostgresServer;
use soak::browser::{Browser, get};
use soak::site::{Place, Site};
use soak::staff::{self, Ledger};

/// Number of visitors, each with one request at a time.
const VISITORS: usize = 12;

/// Requests before and after each event.
const REQUESTS_PER_STEP: u64 = 3_000;

/// Time limit for Caddy to start, and for nodes to notice that the database is gone.
const PATIENCE: Duration = Duration::from_secs(30);

const DATABASE: &str = "nodes";

pub(crate) fn run(shell: &Shell, root: &Path, program: &Path) -> Result<String> {
    let server = PostgresServer::find(shell)?;
    let settings = [
        ("DATABASE_URL", server.create_database(DATABASE)?),
        ("SHUTDOWN_DELAY", "3".to_owned()),
    ];
    let place = Place::new(shell, program, &settings)?;
    place.fill_with_demo_data()?;
    let [port, ports @ ..] = free_ports::<4>()?;
    let nodes = ports.map(|port| place.start_at(port));
    let mut nodes = nodes.into_iter().collect::<Result<Vec<_>>>()?;
    share(&nodes)?;
    let proxy = Proxy::start(root, place.folder(), port, &nodes)?;

    let kill = Load::default();
    kill.during(VISITORS, proxy.address, &PAGES, || {
        kill.wait_for_more(REQUESTS_PER_STEP);
        nodes.remove(0).kill()?;
        kill.wait_for_more(REQUESTS_PER_STEP);
        nodes.push(place.start_at(ports[0])?);
        kill.wait_for_more(REQUESTS_PER_STEP);
        Ok(())
    })?;
    ensure!(
        kill.failed() <= VISITORS as u64,
        "{} requests failed when a node was killed",
        kill.failed()
    );

    let (roll, ledger) = (Load::default(), Ledger::default());
    let work = || {
        for _ in 0..ports.len() {
            roll.wait_for_more(REQUESTS_PER_STEP);
            let old = nodes.remove(0);
            let port = old.address.port();
            old.stop(shell)?;
            nodes.push(place.start_at(port)?);
        }
        roll.wait_for_more(REQUESTS_PER_STEP);
        Ok(())
    };
    let mut browser = [Browser::logged_in(proxy.address)?];
    ledger.during(proxy.address, &mut browser, || {
        roll.during(VISITORS, proxy.address, &PAGES, work)
    })?;
    roll.check()?;
    ensure!(ledger.refused() == 0, "{} saves got 503", ledger.refused());
    survive_outage(&server, &nodes, proxy.address)?;
    Ok(format!(
        "killed one: {} of {} requests failed; replaced all: none of {} requests and {} saves failed",
        kill.failed(),
        kill.done(),
        roll.done(),
        ledger.saved().len()
    ))
}

/// Logs in on the first node, saves on the second and reads on the third.
fn share(nodes: &[Site]) -> Result<()> {
    let mut browser = Browser::logged_in(nodes[0].address)?;
    let saved = staff::save(&mut browser, nodes[1].address, "Shared house")?;
    saved.context("the second node was busy")?;
    // The bound of the page cache.
    thread::sleep(Duration::from_millis(55));
    let page = get(nodes[2].address, "/")?;
    ensure!(page.body.contains("Shared house"), "stale: {}", page.body);
    Ok(())
}

/// Without a database no node is ready; their cached pages are served all the same.
fn survive_outage(server: &PostgresServer<'_>, nodes: &[Site], proxy: SocketAddr) -> Result<()> {
    server.allow_connections(DATABASE, false)?;
    for node in nodes {
        wait_until(PATIENCE, "no node is ready", || {
            Ok(get(node.address, "/readyz")?.status != 200)
        })?;
    }
    // Caddy finds out within a second.
    thread::sleep(Duration::from_secs(2));
    let pages = (0..30).map(|_| Ok(get(proxy, "/")?.status == 200));
    let pages = pages.collect::<Result<Vec<bool>>>()?;
    server.allow_connections(DATABASE, true)?;
    ensure!(
        pages.iter().all(|served| *served),
        "pages without a database: {pages:?}"
    );
    Ok(())
}

/// Caddy with the configuration of the guide, killed on drop.
struct Proxy {
    child: Child,
    address: SocketAddr,
}

impl Proxy {
    fn start(root: &Path, folder: &Path, port: u16, nodes: &[Site]) -> Result<Self> {
        let guide = std::fs::read_to_string(root.join("docs/scaling.md"))?;
        let example = guide
            .split("```text\n")
            .nth(1)
            .and_then(|rest| rest.split("```").next());
        let mut config = example
            .context("docs/scaling.md has no configuration of Caddy")?
            .replace("www.example.org", &format!("http://:{port}"));
        for (number, node) in nodes.iter().enumerate() {
            let name = format!("node{}:8000", number + 1);
            ensure!(config.contains(&name), "{name} is not in the guide");
            config = config.replace(&name, &node.address.to_string());
        }
        std::fs::write(
            folder.join("Caddyfile"),
            format!("{{\n\tadmin off\n}}\n{config}"),
        )?;
        let child = Command::new("caddy")
            .args(["run", "--adapter=caddyfile", "--config=Caddyfile"])
            .current_dir(folder)
            .env("HOME", folder)
            .stderr(std::fs::File::create(folder.join("caddy.log"))?)
            .spawn()?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let proxy = Self { child, address };
        let started = wait_until(PATIENCE, "Caddy serves the site", || {
            Ok(get(address, "/").is_ok_and(|page| page.status == 200))
        });
        started.with_context(|| {
            std::fs::read_to_string(folder.join("caddy.log")).unwrap_or_default()
        })?;
        Ok(proxy)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            eprintln!("could not stop Caddy: {error}");
        }
    }
}
