//! Programs that are ended from outside while they need a secret: it does not stay behind.

use std::fs::{self, File};
use std::io::{Read, pipe};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread::{self, JoinHandle};

use anyhow::{Result, bail, ensure};

use crate::ssh::{gate, script};
use crate::vps::{Vps, assert_both_run};
use crate::world::NEW;
use crate::xtask::command;

/// The files under a folder in which a text stands.
fn files_with(text: &str, folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files_with(text, &path)?);
        } else if fs::read_to_string(&path).is_ok_and(|content| content.contains(text)) {
            found.push(path);
        }
    }
    Ok(found)
}

fn mode(path: &Path) -> Result<u32> {
    Ok(fs::metadata(path)?.permissions().mode() & 0o777)
}

/// What all of a program has said, once all of it has ended.
type Said = JoinHandle<Result<String>>;

/// A program in a group of its own that will come to that gate.
fn start(mut command: Command, gate: &Path) -> Result<(Child, Said)> {
    let (mut reader, writer) = pipe()?;
    let child = command
        .process_group(0)
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .spawn()?;
    let gate = gate.to_owned();
    let said = thread::spawn(move || {
        let mut said = String::new();
        reader.read_to_string(&mut said)?;
        // If it ended before it came there, nobody waits for it any longer.
        File::options().read(true).write(true).open(gate)?;
        Ok(said)
    });
    Ok((child, said))
}

/// The text that a thread gives back.
fn end(said: Said) -> Result<String> {
    match said.join() {
        Ok(said) => said,
        Err(_) => bail!("the thread that listens has ended"),
    }
}

/// Who gets a signal.
#[derive(Clone, Copy)]
enum Whom {
    /// The program.
    Alone,
    /// Whatever a terminal sends it to.
    Terminal,
    /// All that it has started too, the guard among them, as when a service ends a job.
    Job,
}

/// Sends a signal.
fn signal(child: &Child, signal: &str, whom: Whom) -> Result<()> {
    let id = child.id();
    let whom = match whom {
        Whom::Alone => vec![id.to_string()],
        Whom::Terminal => vec![format!("-{id}")],
        Whom::Job => {
            let mut others = Command::new("pgrep");
            others.args(["-P", &id.to_string()]);
            let others = String::from_utf8(others.output()?.stdout)?;
            let others = others.lines().map(str::to_owned);
            others.chain([id.to_string()]).collect()
        }
    };
    let sent = Command::new("kill")
        .args(["-s", signal, "--"])
        .args(whom)
        .status()?;
    ensure!(sent.success(), "no {signal} was sent");
    Ok(())
}

/// Asserts that the key is there while a slot is replaced, and gone when all of the deploy is, which a signal ended then;
/// that the roll went on on the machine.
fn assert_key_goes(word: &str, whom: Whom) -> Result<()> {
    let vps = Vps::start()?;
    let gate = vps.machine.gate("web-a")?;
    let secret = vps.machine.key.lines().nth(1).unwrap_or_default();
    let (mut deploy, said) = start(vps.deploy_by(command, &[], &[]), &gate)?;

    // From here on the first slot is about to be stopped.
    let opened = File::create(gate)?;
    let keys = files_with(secret, vps.temporary.path())?;
    let [key] = &keys[..] else {
        bail!("the key is in {keys:?}")
    };
    assert_eq!(mode(key)?, 0o600);
    assert_eq!(mode(key.parent().unwrap_or(key))?, 0o700);
    signal(&deploy, word, whom)?;
    deploy.wait()?;
    drop(opened);
    let said = end(said)?;

    let left = fs::read_dir(vps.temporary.path())?.count();
    assert_eq!(left, 0, "{said}");
    assert!(said.contains("are removed"), "{said}");
    vps.machine.settle()?;
    assert_both_run(&vps, &vps.image(NEW))
}

#[test]
fn the_key_goes_with_a_deploy_that_is_interrupted() -> Result<()> {
    assert_key_goes("INT", Whom::Terminal)
}

#[test]
fn the_key_goes_with_the_terminal_of_a_deploy() -> Result<()> {
    assert_key_goes("HUP", Whom::Terminal)
}

#[test]
fn the_key_goes_with_a_deploy_that_a_service_cancels() -> Result<()> {
    assert_key_goes("TERM", Whom::Job)
}

#[test]
fn the_key_goes_with_a_deploy_that_is_killed() -> Result<()> {
    assert_key_goes("KILL", Whom::Alone)
}

#[test]
fn the_login_at_the_registry_goes_with_a_push_that_is_killed() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let here = folder.path();
    let gate = gate(&here.join("gate"))?;
    let (programs, temporary) = (here.join("bin"), here.join("tmp"));
    for folder in [&programs, &temporary] {
        fs::create_dir(folder)?;
    }
    // One that was sent away while it logs in writes down that it did.
    let docker = r#"#!/bin/sh
[ "$1" = login ] || exit 0
token=$(cat)
echo "$token" > "$DOCKER_CONFIG/config.json"
cat GATE
mkdir -p "$DOCKER_CONFIG"
echo "$token" > "$DOCKER_CONFIG/config.json"
"#;
    let docker = docker.replace("GATE", &gate.display().to_string());
    script(&programs.join("docker"), &docker)?;
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", programs.display());
    let temporary = temporary.display().to_string();
    // What is built from may be there too, with these very lines in it.
    let token = "dckr-hunter2".repeat(2);
    let words = ["image", "--engine", "docker", "--allow-dirty", "--push"];
    let variables = [
        ("DOCKERHUB_USERNAME", "ada"),
        ("DOCKERHUB_TOKEN", token.as_str()),
        ("PATH", &path),
        ("TMPDIR", &temporary),
    ];
    let (mut push, said) = start(command(&words, &variables), &gate)?;

    let opened = File::create(gate)?;
    let there = files_with(&token, Path::new(&temporary))?;
    assert_eq!(there.len(), 1, "{there:?}");
    signal(&push, "KILL", Whom::Alone)?;
    push.wait()?;
    drop(opened);
    let said = end(said)?;

    let left = files_with(&token, Path::new(&temporary))?;
    assert!(left.is_empty(), "{left:?}: {said}");
    assert!(!said.contains("hunter2"), "{said}");
    Ok(())
}
