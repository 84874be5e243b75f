//! A registry on this machine, for the way there and back.

use std::process::Child;
use std::time::Duration;

use anyhow::Result;
use xshell::cmd;

use crate::http::{Http, get};
use crate::machine::Machine;

/// A registry for this trial, ended when this is dropped.
pub(super) struct LocalRegistry {
    child: Child,
    /// Where it listens.
    pub(super) port: u16,
    /// Where it keeps what it gets.
    _folder: tempfile::TempDir,
}

impl LocalRegistry {
    /// Starts one at that port.
    pub(super) fn start(machine: &Machine, port: u16) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let settings = folder.path().join("registry.yml");
        let data = folder.path().join("data");
        let text = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:{port}\n",
            data.display()
        );
        machine.shell.write_file(&settings, text)?;
        let child = machine.start(cmd!(machine.shell, "docker-registry serve {settings}"))?;
        let server = Self {
            child,
            port,
            _folder: folder,
        };
        let http = Http::new(Duration::from_millis(100));
        let url = format!("http://127.0.0.1:{port}/v2/");
        http.send("the registry on this machine", &get(&url)?)?;
        Ok(server)
    }
}

impl Drop for LocalRegistry {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
