//! Deploys to a VPS.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::json;

use crate::registry::{self, ACCOUNT, Registry};
use crate::server::{self, Reply};
use crate::ssh::Machine;
use crate::world::{NEW, OLD};
use crate::xtask::{Run, run};

/// A machine with the old revision in both slots.
pub(crate) struct Vps {
    pub(crate) machine: Machine,
    registry: Registry,
    app_url: String,
    /// Temporary files of the program.
    pub(crate) temporary: tempfile::TempDir,
}

impl Vps {
    pub(crate) fn bare() -> Result<Self> {
        let machine = Machine::start()?;
        let app_url = site(machine.project())?;
        Ok(Self {
            machine,
            registry: Registry::new()?,
            app_url,
            temporary: tempfile::tempdir()?,
        })
    }

    pub(crate) fn prepared() -> Result<Self> {
        let vps = Self::bare()?;
        let project = vps.machine.project();
        fs::create_dir(&project)?;
        fs::write(project.join(".env"), "PROXY=caddy\nDRAIN=0\n")?;
        Ok(vps)
    }

    /// A machine with the old revision in both slots.
    pub(crate) fn start() -> Result<Self> {
        let vps = Self::prepared()?;
        let old = image(OLD);
        vps.remember(&old, &old)?;
        for slot in ["web-a", "web-b"] {
            vps.machine.run_in_slot(slot, &old)?;
        }
        Ok(vps)
    }

    /// Records the images of the slots.
    pub(crate) fn remember(&self, a: &str, b: &str) -> Result<()> {
        let slots = format!("IMAGE_A={a}\nIMAGE_B={b}\n");
        Ok(fs::write(self.machine.project().join("slots.env"), slots)?)
    }

    pub(crate) fn slots(&self) -> Result<String> {
        Ok(fs::read_to_string(
            self.machine.project().join("slots.env"),
        )?)
    }

    pub(crate) fn deploy(&self, more: &[&str], variables: &[(&str, &str)]) -> Result<Run> {
        let run = self.deploy_by(run, more, variables)?;
        for line in self.machine.key.lines() {
            run.assert_hides(&[line]);
        }
        assert_eq!(
            fs::read_dir(self.temporary.path())?.count(),
            0,
            "a file is left behind"
        );
        Ok(run)
    }

    pub(crate) fn deploy_by<T>(
        &self,
        call: impl Fn(&[&str], &[(&str, &str)]) -> T,
        more: &[&str],
        variables: &[(&str, &str)],
    ) -> T {
        let path = self.registry.path();
        let project = self.machine.project().display().to_string();
        let temporary = self.temporary.path().display().to_string();
        let ours = [
            ("APP_URL", self.app_url.as_str()),
            ("SSH_HOST", &self.machine.host),
            ("SSH_USER", &self.machine.user),
            ("SSH_PRIVATE_KEY", &self.machine.key),
            ("SSH_KNOWN_HOSTS", &self.machine.known_hosts),
            ("PROJECT_VPS_PATH", &project),
            ("TMPDIR", &temporary),
            ("PATH", &path),
        ];
        let line = [&["deploy", "vps", "--sha", NEW, "--name", ACCOUNT], more].concat();
        call(&line, &[&ours, variables].concat())
    }
}

pub(crate) fn image(revision: &str) -> String {
    format!("{ACCOUNT}/oc-lettings-site@{}", registry::digest(revision))
}

/// The site in front of the slots: answers with the revision of the first slot in use.
fn site(project: PathBuf) -> Result<String> {
    let place = server::start(move |asked| {
        let slots = fs::read_to_string(project.join("slots.env")).unwrap_or_default();
        let digest = slots.lines().next().and_then(|line| line.split_once('@'));
        let revision = digest.and_then(|(_, digest)| registry::revision(digest));
        match (asked.path.as_str(), revision) {
            (_, None) => Reply::new(502, "no slot is running"),
            ("/healthz", Some(revision)) => Reply::json(&json!({ "revision": revision })),
            _ => Reply::json(&json!({})),
        }
    })?;
    Ok(format!("http://{place}"))
}

/// Calls to replace a slot while the other one serves visitors.
pub(crate) fn replaced(slot: &str, other: &str) -> [String; 3] {
    let up = "up --detach --no-deps --wait --wait-timeout 120";
    [
        format!("{up} --no-recreate {other}"),
        format!("stop {slot}"),
        format!("{up} {slot}"),
    ]
}

/// Queries before the first slot is chosen.
pub(crate) fn initial_check() -> String {
    "up --detach --no-deps --wait --wait-timeout 120 --no-recreate web-b".to_owned()
}

/// Asserts that both slots run this image and have visitors.
pub(crate) fn assert_both_run(vps: &Vps, image: &str) -> Result<()> {
    assert_eq!(vps.slots()?, format!("IMAGE_A={image}\nIMAGE_B={image}\n"));
    let out = vps.machine.project().join("caddy/out");
    let out = fs::read_dir(out).map_or(0, Iterator::count);
    assert_eq!(out, 0, "a slot is left without visitors");
    Ok(())
}

/// Asserts that the files of this checkout are installed, and no temporary ones remain.
fn assert_brought(vps: &Vps) -> Result<()> {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy");
    for file in ["caddy/Caddyfile", "compose.yaml", "roll.sh"] {
        let brought = fs::read_to_string(vps.machine.project().join(file))?;
        assert_eq!(brought, fs::read_to_string(ours.join(file))?, "{file}");
    }
    for entry in fs::read_dir(vps.machine.project())? {
        let path = entry?.path();
        let left = path.display().to_string().contains("/.release");
        assert!(!left, "{} is left", path.display());
    }
    Ok(())
}

#[test]
fn slots_are_replaced_one_after_the_other() -> Result<()> {
    let vps = Vps::start()?;

    let run = vps.deploy(&[], &[])?;

    run.assert_succeeded(&[]);
    let new = image(NEW);
    let rolls = [replaced("web-a", "web-b"), replaced("web-b", "web-a")].concat();
    let begin = [
        "compose version".to_owned(),
        format!("image inspect {new}"),
        format!("pull {new}"),
        "--profile caddy up --detach --no-recreate caddy".to_owned(),
        "exec -T caddy caddy reload --config /etc/caddy/Caddyfile".to_owned(),
        "--profile caddy config --hash caddy".to_owned(),
        "--profile caddy ps --quiet caddy".to_owned(),
        "inspect --format {{index .Config.Labels \"com.docker.compose.config-hash\"}} ".to_owned(),
    ];
    let looked = [initial_check()];
    let end = ["image prune --all --force --filter until=720h".to_owned()];
    assert_eq!(
        vps.machine.calls(),
        [&begin[..], &looked, &rolls, &end].concat()
    );
    assert_both_run(&vps, &new)?;
    assert_eq!(vps.machine.stopped_with_visitors(), "");
    assert_brought(&vps)
}

#[test]
fn an_unhealthy_image_is_replaced_by_the_old_one() -> Result<()> {
    for slot in ["web-a", "web-b"] {
        let vps = Vps::start()?;
        vps.machine.make_unhealthy_in(slot, &image(NEW))?;

        let run = vps.deploy(&[], &[])?;

        run.assert_failed(&[
            &format!("{slot}: the new image does not become healthy"),
            "both slots run the old image",
            &format!("Went back: {OLD} answers again"),
        ]);
        assert_both_run(&vps, &image(OLD))?;
        // The other slot kept serving, and no slot is replaced twice.
        let calls = vps.machine.calls();
        let stops = calls.iter().filter(|call| call.starts_with("stop "));
        assert!(slot == "web-b" || stops.count() == 1, "{calls:?}");
        assert_eq!(vps.machine.stopped_with_visitors(), "");
    }
    Ok(())
}

#[test]
fn an_unknown_host_key_and_a_rejected_key_are_reported() -> Result<()> {
    let vps = Vps::start()?;
    let other = Machine::start()?;
    let key = other.known_hosts.split_once(' ').map_or("", |(_, key)| key);
    let (_, port) = vps.machine.host.split_once(':').unwrap_or_default();
    let known_hosts = format!("[127.0.0.1]:{port} {key}");

    for (name, value, words) in [
        (
            "SSH_KNOWN_HOSTS",
            &known_hosts,
            "Host key verification failed",
        ),
        ("SSH_PRIVATE_KEY", &other.key, "Permission denied"),
    ] {
        let run = vps.deploy(&[], &[(name, value)])?;

        run.assert_failed(&["nothing was changed", words]);
        assert!(vps.machine.calls().is_empty());
    }
    Ok(())
}

#[test]
fn no_secret_is_in_the_process_list() -> Result<()> {
    let vps = Vps::start()?;

    vps.deploy(
        &[],
        &[
            ("DOCKERHUB_USERNAME", "ada"),
            ("DOCKERHUB_TOKEN", "dckr-hunter2"),
        ],
    )?;

    let processes = vps.machine.processes()?;
    assert!(processes.contains("ssh -F none"), "{processes}");
    let body = vps.machine.key.lines().nth(1).unwrap_or_default();
    assert!(!processes.contains(body) && !processes.contains("dckr-hunter2"));
    Ok(())
}
