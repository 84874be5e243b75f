//! Documentation: of the code, and the guides as a book.

use anyhow::Result;
use xshell::cmd;

use crate::context::Context;
use crate::{checks, system_packages, tools};

/// Builds both into `target/book`; a warning or a dead link is an error.
pub(crate) fn run(context: &Context) -> Result<()> {
    system_packages::require(context, system_packages::BUILD)?;
    let links = tools::python(context)?.join("rumdl");
    // Relative links to files and to headings.
    context.run(cmd!(
        context.shell,
        "{links} check --no-cache --enable MD051,MD057 README.md ARCHITECTURE.md docs"
    ))?;
    let options = ["--workspace", "--no-deps", "--locked", checks::FEATURES];
    context.run(
        cmd!(
            context.shell,
            "cargo doc {options...} --document-private-items"
        )
        .env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    let book = tools::cargo(context, &tools::MDBOOK)?;
    context.run(cmd!(context.shell, "{book} build"))?;
    context.run(cmd!(
        context.shell,
        "cp --recursive target/doc target/book/code"
    ))
}
