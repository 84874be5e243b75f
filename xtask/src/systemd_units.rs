//! systemd units for hosts without containers.

use anyhow::{Result, ensure};
use xshell::cmd;

use crate::context::Context;
use crate::system_packages;

const UNITS: [&str; 2] = ["oc-lettings.service", "oc-lettings.socket"];

/// Has systemd verify the units. It only warns about settings that it doesn't know: any message is an error here.
pub(crate) fn check(context: &Context) -> Result<()> {
    system_packages::require(context, system_packages::SYSTEMD)?;
    let folder = tempfile::tempdir()?;
    let files = UNITS.map(|unit| folder.path().join(unit));
    for (unit, file) in UNITS.iter().zip(&files) {
        let text = context
            .shell
            .read_file(context.root.join("deploy").join(unit))?;
        // The program isn't installed on machines that build.
        let text = text.replace("/usr/local/bin/oc-lettings", "/bin/true");
        context.shell.write_file(file, text)?;
    }
    let verify = cmd!(context.shell, "systemd-analyze verify --man=no {files...}");
    let output = verify.ignore_status().output()?;
    let messages = String::from_utf8_lossy(&output.stderr);
    // It verifies the machine's own units too.
    let ours = messages.lines().filter(|line| line.contains("oc-lettings"));
    let ours: Vec<_> = ours.collect();
    ensure!(ours.is_empty(), "{}", ours.join("\n"));
    Ok(())
}
