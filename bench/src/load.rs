//! Load from `wrk`, and what it costs the server.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Clock ticks per second in /proc/PID/stat; the same on every Linux.
const TICKS: f64 = 100.0;

/// Figures of one round.
pub(crate) struct Load {
    /// Requests per second.
    pub(crate) rate: f64,
    /// Median latency in milliseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// CPU time of the server per request in microseconds.
    pub(crate) cpu: f64,
}

impl Load {
    /// Puts load on a server for some seconds.
    pub(crate) fn run(
        server: u32,
        address: SocketAddr,
        path: &str,
        headers: &[String],
        connections: u32,
        seconds: u32,
    ) -> Result<Self> {
        let mut wrk = Command::new("wrk");
        wrk.args(["--threads=2", "--latency", "--header=Host: localhost"])
            .arg(format!("--connections={connections}"))
            .arg(format!("--duration={seconds}s"))
            .args(headers.iter().map(|header| format!("--header={header}")))
            .arg(format!("http://{address}{path}"));
        let before = cpu_seconds(server)?;
        let output = wrk.output().context("could not start wrk")?;
        let used = cpu_seconds(server)? - before;
        ensure!(output.status.success(), "wrk failed: {output:?}");
        let text = String::from_utf8(output.stdout)?;
        ensure!(
            !text.contains("Non-2xx or 3xx") && !text.contains("Socket errors"),
            "{path}: {text}"
        );
        let value = |label: &str| {
            let line = text
                .lines()
                .find_map(|line| line.trim().strip_prefix(label));
            line.with_context(|| format!("wrk printed no {label:?}: {text}"))
        };
        let rate: f64 = value("Requests/sec:")?.trim().parse()?;
        Ok(Self {
            rate,
            p50: milliseconds(value("50%")?)?,
            p99: milliseconds(value("99%")?)?,
            cpu: used / (rate * f64::from(seconds)) * 1e6,
        })
    }
}

/// A duration as wrk prints it: `12.34us`, `1.20ms` or `1.05s`.
fn milliseconds(text: &str) -> Result<f64> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "us" => 0.001,
        "ms" => 1.0,
        _ => 1000.0,
    };
    Ok(digits.parse::<f64>()? * factor)
}

/// CPU time of a process, in user and kernel mode.
fn cpu_seconds(id: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).context("the server has ended")?;
    // The name of the program, in parentheses, may contain spaces.
    let (_, fields) = stat
        .rsplit_once(')')
        .context("/proc/PID/stat has another format")?;
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks = ticks.map(str::parse::<f64>).sum::<Result<f64, _>>()?;
    Ok(ticks / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() -> Result<()> {
        for (text, expected) in [("250.00us", 0.25), ("1.20ms", 1.2), (" 1.05s", 1050.0)] {
            assert!((milliseconds(text)? - expected).abs() < 1e-9, "{text}");
        }
        Ok(())
    }
}
