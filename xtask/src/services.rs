//! What the tests need around them while they run.

use anyhow::Result;

use crate::guard::Guard;
use crate::machine::Machine;
use crate::variables::TEST_AXE_JS;
use crate::webdriver::Webdriver;
use crate::{needs, postgres, tools, webdriver};

/// Servers that end when this is dropped.
pub(crate) struct Services {
    _postgres: Option<Guard>,
    _webdriver: Option<Webdriver>,
}

/// Starts what is not given in the environment, and tells the tests where it is.
pub(crate) fn start(machine: &Machine) -> Result<Services> {
    needs::require(machine, &needs::BUILD)?;
    needs::require(machine, &needs::SSH)?;
    needs::require(machine, &needs::SYSTEMD)?;
    if machine.variable(&TEST_AXE_JS).is_none() {
        machine.shell.set_var(
            TEST_AXE_JS.name(),
            tools::npm(machine, &tools::AXE_CORE)?.join("axe.min.js"),
        );
    }
    Ok(Services {
        _postgres: postgres::start(machine)?,
        _webdriver: webdriver::start(machine)?,
    })
}
