//! Sets `OC_REVISION`, the git commit of the build.

use std::path::Path;
use std::process::Command;

/// The commit comes from the environment (in an image, where there is no checkout) or from git.
#[expect(
    clippy::disallowed_methods,
    reason = "cargo passes the environment to build scripts"
)]
fn main() {
    println!("cargo::rerun-if-env-changed=REVISION");
    let revision = std::env::var("REVISION").unwrap_or_else(|_| {
        for file in ["../.git/HEAD", "../.git/logs/HEAD"] {
            if Path::new(file).exists() {
                println!("cargo::rerun-if-changed={file}");
            }
        }
        let output = Command::new("git").args(["rev-parse", "HEAD"]).output();
        output
            .ok()
            .filter(|output| output.status.success())
            .and_then(|output| String::from_utf8(output.stdout).ok())
            .map_or_else(|| "unknown".to_owned(), |sha| sha.trim().to_owned())
    });
    println!("cargo::rustc-env=OC_REVISION={revision}");
}
