//! Puts the templates and the static assets into the program: names with a hash, compressed once, here.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

#[expect(
    clippy::disallowed_methods,
    reason = "cargo speaks to build scripts by the environment"
)]
fn main() -> io::Result<()> {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("assets.rs"), assets(Path::new("../static"), &out)?)?;
    fs::write(
        out.join("templates.rs"),
        templates(Path::new("../templates"))?,
    )?;
    println!("cargo::rerun-if-changed=../static");
    println!("cargo::rerun-if-changed=../templates");
    println!("cargo::rustc-env=OC_REVISION={}", revision());
    Ok(())
}

/// A table of every asset: its name, its name with the hash, and its bytes plain and compressed.
fn assets(folder: &Path, out: &Path) -> io::Result<String> {
    let mut table = String::from("&[\n");
    for file in files(folder)? {
        let name = relative(folder, &file);
        let bytes = fs::read(&file)?;
        let (mut brotli, mut gzip) = (None, None);
        if is_text(&name) {
            let mut compressed = Vec::new();
            let parameters = brotli::enc::BrotliEncoderParams {
                quality: 11,
                ..Default::default()
            };
            brotli::BrotliCompress(&mut bytes.as_slice(), &mut compressed, &parameters)?;
            brotli = Some(keep(out, &format!("{name}.br"), &compressed)?);
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(&bytes)?;
            gzip = Some(keep(out, &format!("{name}.gz"), &encoder.finish()?)?);
        }
        let include = |path: &Option<PathBuf>| match path {
            Some(path) => format!("Some(include_bytes!({:?}))", path.to_string_lossy()),
            None => "None".to_owned(),
        };
        writeln!(
            table,
            "Embedded {{ name: {name:?}, hash: {:?}, plain: include_bytes!({:?}), brotli: {}, gzip: {} }},",
            hash(&bytes),
            fs::canonicalize(&file)?.to_string_lossy(),
            include(&brotli),
            include(&gzip),
        )
        .expect("writing to a string cannot fail");
    }
    table.push(']');
    Ok(table)
}

fn templates(folder: &Path) -> io::Result<String> {
    let mut table = String::from("&[\n");
    for file in files(folder)? {
        let path = fs::canonicalize(&file)?;
        writeln!(
            table,
            "({:?}, include_str!({:?})),",
            relative(folder, &file),
            path.to_string_lossy(),
        )
        .expect("writing to a string cannot fail");
    }
    table.push(']');
    Ok(table)
}

/// Every file below a folder, in order.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn relative(folder: &Path, file: &Path) -> String {
    let relative = file
        .strip_prefix(folder)
        .expect("the file was found below the folder");
    relative.to_string_lossy().replace('\\', "/")
}

fn is_text(name: &str) -> bool {
    [".css", ".js", ".svg", ".txt"]
        .iter()
        .any(|ending| name.ends_with(ending))
}

fn keep(out: &Path, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
    let path = out.join(name);
    fs::write(&path, bytes)?;
    Ok(path)
}

/// The first eight bytes of the SHA-256 in hexadecimal: enough to tell versions apart.
fn hash(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes)[..8])
}

/// The commit that is built: given (in an image, where there is no checkout) or asked from git.
#[expect(
    clippy::disallowed_methods,
    reason = "cargo speaks to build scripts by the environment"
)]
fn revision() -> String {
    println!("cargo::rerun-if-env-changed=REVISION");
    if let Ok(given) = std::env::var("REVISION") {
        return given;
    }
    for file in ["../.git/HEAD", "../.git/logs/HEAD"] {
        if Path::new(file).exists() {
            println!("cargo::rerun-if-changed={file}");
        }
    }
    let asked = Command::new("git").args(["rev-parse", "HEAD"]).output();
    asked
        .ok()
        .filter(|output| output.status.success())
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .map_or_else(|| "unknown".to_owned(), |sha| sha.trim().to_owned())
}
