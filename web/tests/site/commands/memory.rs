//! Memory after a burst of requests.

use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use oc_core::testing::TestDb;

use super::program::{Program, Serving, setting};
use crate::admin::hidden;
use crate::http::{Connection, request};

/// How much more memory than before may stay (MB).
const MARGIN: u64 = 40;
/// How long it may take to return the rest.
const PATIENCE: Duration = Duration::from_mins(1);
const CONNECTIONS: usize = 12;

/// The bytes of a request, by its number.
type Requests<'a> = dyn Fn(usize) -> Vec<u8> + Sync + 'a;

/// Resident memory (MB).
fn resident(serving: &Serving) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", serving.id()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let size = line.and_then(|line| line.split_whitespace().next());
    let size: u64 = size.context("the process has no VmRSS")?.parse()?;
    Ok(size / 1024)
}

/// Sends a request over each of many connections at once, as often as told.
fn burst(address: SocketAddr, rounds: usize, bytes: &Requests<'_>) -> Result<()> {
    std::thread::scope(|scope| {
        let clients = (0..CONNECTIONS).map(|client| {
            scope.spawn(move || -> Result<()> {
                for round in 0..rounds {
                    let mut connection = Connection::open(address)?;
                    connection.write(&bytes(round * CONNECTIONS + client))?;
                    connection.answer(true)?;
                }
                Ok(())
            })
        });
        let clients: Vec<_> = clients.collect();
        clients
            .into_iter()
            .try_for_each(|client| client.join().expect("no client panics"))
    })
}

/// Kind of fault: memory that doesn't come back.
#[test]
fn memory_comes_back_after_any_burst() -> Result<()> {
    let db = TestDb::sqlite()?;
    let url = setting(&db);
    let settings = [("DATABASE_URL", url.as_str()), ("PAGE_CACHE_SIZE", "1")];
    let serving = Program::with(&settings)?.serve(&[])?;
    let login = serving.get("localhost", "/admin/login/")?;
    let cookie = login
        .header("set-cookie")
        .context("the login sets no cookie")?;
    let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
    let token = hidden(&login.text()?, "csrfmiddlewaretoken").context("the login has no token")?;
    let post = |kind: &str, body: &str| {
        let length = body.len();
        format!(
            "POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\nContent-Type: {kind}\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    };
    let form = "application/x-www-form-urlencoded";
    let part = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n";
    let cases: [(&str, usize, &Requests<'_>); 6] = [
        // RustCrypto/password-hashes#478, authelia/authelia#1044, alexedwards/argon2id#3.
        ("wrong passwords", 1, &|index| {
            let fields = format!("csrfmiddlewaretoken={token}&username=user{index}&password=x");
            post(form, &fields)
        }),
        // fedimint/fedimint#9025: memory per client.
        ("connections", 30, &|_| request("GET", "/lettings/", &[])),
        // datavzrd/datavzrd#1259: many small allocations.
        ("tiny parts", 10, &|_| {
            post("multipart/form-data; boundary=x", &part.repeat(1_000))
        }),
        ("large forms", 10, &|_| {
            post(form, &format!("a={}", "%20".repeat(20_000)))
        }),
        // miniflux/v2#151: what is kept of many different pages.
        ("different pages", 10, &|index| {
            request("GET", &format!("/lettings/?q=word{index}"), &[])
        }),
        ("health checks", 10, &|_| request("GET", "/readyz", &[])),
    ];
    burst(serving.address(), 2, cases[1].2)?;
    let before = resident(&serving)?;

    for (name, rounds, bytes) in cases {
        burst(serving.address(), rounds, bytes).context(name)?;

        let deadline = Instant::now() + PATIENCE;
        while resident(&serving)? > before + MARGIN {
            let after = resident(&serving)?;
            assert!(
                Instant::now() < deadline,
                "{name}: {before} MB before, {after} MB after"
            );
            serving.get("localhost", "/healthz")?;
        }
    }
    Ok(())
}
