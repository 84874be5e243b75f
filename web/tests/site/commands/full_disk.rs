//! A disk that is full while staff save: they are asked to come again, pages can be read, and nothing is lost.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use oc_core::testing::TestDb;
use oc_core::{DatabaseUrl, open};

use super::program::{Program, Serving};
use super::staff::{PRODUCTION, check, hire, log_in, save};

/// Runs what follows where what it mounts is seen by it alone, and goes with it.
const APART: [&str; 3] = ["unshare", "--map-root-user", "--mount"];

/// A small disk with the database on it, and then the program.
const ON_A_SMALL_DISK: &str = "mount -t tmpfs -o size=3m tmpfs disk && cp seed.sqlite3 disk/site.sqlite3 && exec \"$0\" serve";

#[test]
fn a_full_disk_loses_nothing_and_takes_saves_again_once_there_is_room() -> Result<()> {
    let url = ("DATABASE_URL", "sqlite://disk/site.sqlite3");
    let program = Program::with(&[&PRODUCTION[..], &[url]].concat())?;
    fs::create_dir(program.folder().join("disk"))?;
    if !can_mount(program.folder())? {
        eprintln!("not tested on a full disk: this system lets us mount none (unshare --mount)");
        return Ok(());
    }
    seed(&program.folder().join("seed.sqlite3"))?;
    let [first, rest @ ..] = APART;
    let shell = ["/bin/sh", "-c", ON_A_SMALL_DISK];
    let serving = program.serve_by(first, &[&rest[..], &shell].concat())?;
    let disk = seen_from_here(&serving, &program);
    let mut boss = log_in(serving.address(), "boss")?;
    let mut saved = Vec::new();
    let mut add = |title: &str| -> Result<_> {
        let answer = save(&mut boss, title)?;
        if answer.status == 303 {
            saved.push(title.to_owned());
        }
        Ok(answer)
    };

    assert_eq!(add("Before")?.status, 303);
    fill(&disk.join("ballast"))?;
    // The log of the database may still have room from before.
    let refused = (0..100)
        .map(|number| add(&format!("Flat {number}")))
        .find(|answer| !matches!(answer, Ok(answer) if answer.status == 303))
        .context("the disk is never full")??;
    let page = serving.get("localhost", "/lettings/")?;
    let ready = serving.get("localhost", "/readyz")?;
    fs::remove_file(disk.join("ballast"))?;
    let after = add("After")?;

    assert_eq!(refused.status, 503, "{}", refused.text()?);
    assert!(refused.header("retry-after").is_some());
    assert_eq!(page.status, 200);
    assert_eq!(ready.json()?["checks"]["disk"], "low");
    assert_eq!(after.status, 303);
    // Nothing is written now, so the files can be taken as they are.
    let copy = program.folder().join("copy.sqlite3");
    for ending in ["", "-wal"] {
        let from = disk.join(format!("site.sqlite3{ending}"));
        fs::copy(from, format!("{}{ending}", copy.display()))?;
    }
    let conn = &mut open(&DatabaseUrl::Sqlite(copy))?;
    check(conn, &saved.into_iter().collect())?;
    assert_eq!(serving.end("TERM")?.0, Some(0));
    Ok(())
}

/// Whether this system lets us have a disk of our own.
fn can_mount(folder: &Path) -> Result<bool> {
    let [first, rest @ ..] = APART;
    let mount = ["mount", "-t", "tmpfs", "tmpfs", "disk"];
    let tried = Command::new(first)
        .args(rest)
        .args(mount)
        .current_dir(folder)
        .output();
    match tried {
        Ok(output) => Ok(output.status.success()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn seed(file: &Path) -> Result<()> {
    let db = TestDb::sqlite()?;
    hire(&db, "boss")?;
    let DatabaseUrl::Sqlite(path) = db.url() else {
        anyhow::bail!("{} is no file", db.url());
    };
    fs::copy(path, file)?;
    Ok(())
}

/// The disk that only the program sees.
fn seen_from_here(serving: &Serving, program: &Program) -> PathBuf {
    let disk = program.folder().join("disk");
    let inside = disk.strip_prefix("/").unwrap_or(&disk);
    Path::new("/proc")
        .join(serving.id().to_string())
        .join("root")
        .join(inside)
}

/// Takes all the room that there is.
fn fill(ballast: &Path) -> Result<()> {
    let mut file = File::create(ballast)?;
    for size in [64 << 10, 1] {
        loop {
            match file.write_all(&vec![0; size]) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}
