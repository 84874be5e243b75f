//! The tests, on both databases and in a browser.

use std::ffi::OsString;

use anyhow::Result;
use xshell::cmd;

use crate::machine::Machine;
use crate::services;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// For `cargo test`, such as `-p lettings some_name`; without, everything is tested.
    #[arg(last = true)]
    arguments: Vec<OsString>,
}

/// Runs the tests with all that they need around them.
pub(crate) fn run(machine: &Machine, args: &Args) -> Result<()> {
    let _services = services::start(machine)?;
    let arguments = &args.arguments;
    let all = if names_package(arguments) {
        None
    } else {
        Some("--workspace")
    };
    machine.run(cmd!(
        machine.shell,
        "cargo test --locked {all...} {arguments...}"
    ))
}

/// `--workspace` would overrule a package that was named.
fn names_package(arguments: &[OsString]) -> bool {
    let ours = arguments.iter().take_while(|argument| *argument != "--");
    ours.filter_map(|argument| argument.to_str())
        .any(|word| word.starts_with("-p") || word.starts_with("--package"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_for_cargo_name_a_package() {
        let arguments = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();

        assert!(names_package(&arguments("-p lettings")));
        assert!(names_package(&arguments("some_name --package=web")));
        assert!(!names_package(&arguments("some_name -- -pretty")));
    }
}
