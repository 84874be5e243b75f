//! A WebDriver server for the browser tests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, ChildStdout};

use anyhow::{Context, Result};
use xshell::cmd;

use crate::guard::Guard;
use crate::machine::Machine;
use crate::needs;
use crate::variables::TEST_WEBDRIVER_URL;

/// What chromedriver says once it listens; the port follows.
const STARTED: &str = "started successfully on port ";

/// A running chromedriver, ended when this is dropped.
pub(crate) struct Webdriver {
    guard: Option<Guard>,
    child: Child,
    /// Kept open: the server may still have something to say.
    _output: BufReader<ChildStdout>,
}

/// Sets `TEST_WEBDRIVER_URL`, where it is not given, to a chromedriver of our own.
pub(crate) fn start(machine: &Machine) -> Result<Option<Webdriver>> {
    if machine.variable(&TEST_WEBDRIVER_URL).is_some() {
        return Ok(None);
    }
    needs::require(machine, &needs::BROWSER)?;
    let mut child = machine.start(cmd!(machine.shell, "chromedriver --port=0"))?;
    let mut output = BufReader::new(child.stdout.take().expect("it was started with a pipe"));
    let port = port(&mut output)?;
    let guard = Some(Guard::new(machine, "webdriver", port.to_string())?);
    machine.shell.set_var(
        TEST_WEBDRIVER_URL.name(),
        format!("http://127.0.0.1:{port}"),
    );
    Ok(Some(Webdriver {
        guard,
        child,
        _output: output,
    }))
}

fn port(output: &mut impl BufRead) -> Result<u16> {
    for line in output.lines() {
        if let Some((_, port)) = line?.split_once(STARTED) {
            return Ok(port.trim_end_matches('.').parse()?);
        }
    }
    anyhow::bail!("chromedriver did not start")
}

/// Asks the server on that port to end, with its browsers; what the guard does.
pub(crate) fn end(port: u16) -> Result<()> {
    let mut connection =
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).context("chromedriver is gone already")?;
    write!(
        connection,
        "GET /shutdown HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )?;
    // The answer comes when all is ended; the connection may also just break.
    let _ = connection.read_to_end(&mut Vec::new());
    Ok(())
}

impl Drop for Webdriver {
    fn drop(&mut self) {
        drop(self.guard.take());
        // It was asked politely; by now it is gone or hangs.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
