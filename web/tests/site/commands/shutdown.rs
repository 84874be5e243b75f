//! Shutdown and restart: running requests finish, and no connection is lost.

use crate::support::assert_contains;
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};

use super::program::{Program, Serving};
use crate::http::{Connection, request};

/// A request in progress: a form whose body has not been sent yet.
fn start_request(serving: &Serving) -> Result<Connection> {
    let mut running = Connection::open(serving.address())?;
    let head = "POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n";
    running.write(format!("{head}Expect: 100-continue\r\n\r\n").as_bytes())?;
    assert_eq!(running.interim()?, 100);
    Ok(running)
}

#[test]
fn requests_in_progress_finish_while_readyz_fails() -> Result<()> {
    for signal in ["TERM", "INT", "HUP"] {
        let mut serving = Program::new()?.serve(&[])?;
        let mut running = start_request(&serving)?;
        let mut kept = Connection::open(serving.address())?;
        kept.write(&keep_alive_request("/healthz"))?;
        assert_eq!(kept.response(true)?.header("connection"), None);

        serving.signal(signal)?;
        serving.wait_for_log(&format!("received SIG{signal}"))?;
        kept.write(&keep_alive_request("/readyz"))?;
        let ready = kept.response(true)?;
        running.write(b"a=b")?;
        let finished = running.response(true)?;
        let (code, log) = serving.wait()?;

        assert_eq!(ready.status, 503);
        assert_eq!(ready.json()?["checks"]["process"], "stopping");
        assert_eq!(ready.header("connection"), Some("close"));
        assert_eq!(
            (finished.status, finished.header("connection")),
            (403, Some("close"))
        );
        assert_eq!(code, Some(0), "{log}");
    }
    Ok(())
}

#[test]
fn connections_are_accepted_during_the_shutdown_delay() -> Result<()> {
    let program = Program::with(&[("SHUTDOWN_DELAY", "3600")])?;
    let mut serving = program.serve(&[])?;
    serving.signal("TERM")?;
    serving.wait_for_log("received SIGTERM")?;

    for target in ["/healthz", "/"] {
        let mut connection = Connection::open(serving.address())?;
        connection.write(&keep_alive_request(target))?;
        let response = connection.response(true)?;
        assert_eq!(
            (response.status, response.header("connection")),
            (200, Some("close"))
        );
    }
    let ready = serving.get("localhost", "/readyz")?;
    assert_eq!(ready.json()?["checks"]["process"], "stopping");
    assert_eq!(ready.status, 503);
    assert_eq!(serving.end("TERM")?.0, Some(0));
    Ok(())
}

#[test]
fn sighup_stays_ignored_under_nohup() -> Result<()> {
    let serving =
        Program::new()?.serve_through("/bin/sh", &["-c", "trap '' HUP; exec \"$0\" serve"])?;

    serving.signal("HUP")?;

    assert_eq!(serving.get("localhost", "/healthz")?.status, 200);
    assert_eq!(serving.end("TERM")?.0, Some(0));
    Ok(())
}

#[test]
fn requests_beyond_the_shutdown_timeout_are_aborted() -> Result<()> {
    let program = Program::with(&[("SHUTDOWN_TIMEOUT", "1")])?;
    let serving = program.serve(&[])?;
    let _running = start_request(&serving)?;

    let (code, log) = serving.end("INT")?;

    assert_eq!(code, Some(0), "{log}");
    assert_contains(&log, "did not end in time");
    Ok(())
}

#[test]
fn a_second_signal_stops_the_site_at_once() -> Result<()> {
    let mut serving = Program::new()?.serve(&[])?;
    let _running = start_request(&serving)?;

    serving.signal("TERM")?;
    serving.wait_for_log("received SIGTERM")?;
    let (code, log) = serving.end("TERM")?;

    assert_eq!(code, Some(0));
    assert_contains(&log, "second signal");
    Ok(())
}

#[test]
fn a_restart_with_socket_activation_loses_no_connection() -> Result<()> {
    let socket = TcpListener::bind(("127.0.0.1", 0))?;
    let address = socket.local_addr()?;
    let program = Program::new()?;
    let done = Arc::new(AtomicBool::new(false));
    let is_done = Arc::clone(&done);
    let client = std::thread::spawn(move || -> Result<usize> {
        let mut responses = 0;
        while !is_done.load(Ordering::Relaxed) {
            let mut connection = Connection::open(address)?;
            connection.write(&request("GET", "/lettings/1/", &[]))?;
            let response = connection.response(true)?;
            anyhow::ensure!(response.status == 200, "{}", response.status);
            responses += 1;
        }
        Ok(responses)
    });

    for _ in 0..5 {
        let serving = program.serve_on(&socket)?;
        assert_eq!(serving.get("localhost", "/lettings/2/")?.status, 200);
        assert_eq!(serving.end("TERM")?.0, Some(0));
    }
    let last = program.serve_on(&socket)?;
    done.store(true, Ordering::Relaxed);
    let responses = client.join().expect("the client does not panic")?;

    assert!(responses >= 5, "{responses}");
    drop(last);
    Ok(())
}

#[test]
fn systemd_is_notified() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path)?;
    manager.set_read_timeout(Some(Duration::from_mins(1)))?;
    let path = path.to_str().context("an odd folder")?;
    let program = Program::with(&[("NOTIFY_SOCKET", path), ("WATCHDOG_USEC", "300000")])?;
    let notification = || -> Result<String> {
        let mut bytes = [0; 512];
        let length = manager.recv(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes[..length]).trim().to_owned())
    };

    let serving = program.serve(&[])?;
    let mut words = vec![notification()?, notification()?, notification()?];
    serving.signal("TERM")?;
    while words.last().is_some_and(|word| word != "STOPPING=1") {
        words.push(notification()?);
    }

    assert_eq!(words[..3], ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]);
    assert_eq!(serving.wait()?.0, Some(0));
    Ok(())
}

fn keep_alive_request(target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes()
}
