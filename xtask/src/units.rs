//! The units of systemd, for hosts without containers.

use anyhow::{Result, ensure};
use xshell::cmd;

use crate::machine::Machine;
use crate::needs;

/// What systemd is given.
const UNITS: [&str; 2] = ["oc-lettings.service", "oc-lettings.socket"];

/// What the service starts; it is on no machine that only builds.
const PROGRAM: &str = "/usr/local/bin/oc-lettings";

/// Has systemd read the units. It passes over what it does not understand and says so: any word is a fault. The outer
/// error: it could not be asked.
pub(crate) fn check(machine: &Machine) -> Result<Result<()>> {
    needs::require(machine, &needs::SYSTEMD)?;
    let texts = UNITS.map(|unit| {
        machine
            .shell
            .read_file(machine.root.join("deploy").join(unit))
    });
    let [service, socket] = texts;
    said(machine, &[service?, socket?]).map(|words| {
        ensure!(words.is_empty(), "{words}");
        Ok(())
    })
}

/// What systemd has to say about the units.
fn said(machine: &Machine, texts: &[String; 2]) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let files = UNITS.map(|unit| folder.path().join(unit));
    for (file, text) in files.iter().zip(texts) {
        machine
            .shell
            .write_file(file, text.replace(PROGRAM, "/bin/true"))?;
    }
    let verify = cmd!(machine.shell, "systemd-analyze verify --man=no {files...}");
    let output = verify.ignore_status().output()?;
    let words = String::from_utf8_lossy(&output.stderr);
    // It reads the machine's own units too, which are not ours to mend.
    let ours = |line: &&str| line.contains("oc-lettings");
    Ok(words.lines().filter(ours).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_systemd_does_not_know_is_a_fault() -> Result<()> {
        let machine = Machine::new(false, &[])?;
        needs::require(&machine, &needs::SYSTEMD)?;
        let unit = |line: &str| {
            [
                format!("[Service]\nType=notify\n{line}\nExecStart={PROGRAM} serve\n"),
                "[Socket]\nListenStream=127.0.0.1:8000\n".to_owned(),
            ]
        };

        assert_eq!(said(&machine, &unit("RestartSec=2"))?, "");
        assert!(said(&machine, &unit("RestartSek=2"))?.contains("RestartSek"));
        Ok(())
    }
}
