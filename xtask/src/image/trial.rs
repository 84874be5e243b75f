//! Takes a fresh image through its life: looked at, started, asked, stopped, pushed, pulled, started again.

use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use xshell::{Cmd, cmd};

use super::engine::Engine;
use super::local_registry::LocalRegistry;
use super::name::Repository;
use super::registry::Registry;
use super::source::Source;
use crate::ci::Outcome;
use crate::http::{Answer, Http, get};
use crate::machine::Machine;
use crate::needs;

/// The most that an image may weigh.
const LARGEST: u64 = 30_000_000;

/// The user inside.
const USER: &str = "10001:10001";

/// How long a container may take to answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// Goes through all of it, and fails at the first thing that is not as it should be.
pub(crate) fn run(
    machine: &Machine,
    engine: Engine,
    image: &str,
    source: &Source,
) -> Result<Outcome> {
    let runner = Runner::find(machine, engine)?;
    let size = runner.look_at(image, source)?;
    println!("{image}: {}.{} MB", size / 1_000_000, size / 100_000 % 10);
    runner.names_functions(machine, image)?;
    runner.live(image, source)?;
    runner.forgetful_start(image)?;
    let outcome = match needs::require(machine, &needs::REGISTRY) {
        Ok(()) => {
            round_trip(&runner, engine, image, source)?;
            Outcome::Done
        }
        Err(error) => {
            eprintln!("push and pull: not checked (there is no docker-registry: {error:#})");
            Outcome::NotChecked
        }
    };
    println!("{image}: started, asked, stopped: all well");
    Ok(outcome)
}

/// What starts containers: docker, or podman for what buildah has built too.
pub(super) struct Runner<'a> {
    machine: &'a Machine,
    program: &'static str,
    http: Http,
}

impl<'a> Runner<'a> {
    pub(super) fn find(machine: &'a Machine, engine: Engine) -> Result<Self> {
        let program = match engine {
            Engine::Docker => "docker",
            Engine::Buildah | Engine::Podman => "podman",
        };
        ensure!(
            machine.find_program(program).is_some(),
            "{program} is not installed, and something has to start the image"
        );
        Ok(Self {
            machine,
            program,
            http: Http::new(Duration::from_millis(100)),
        })
    }

    fn command(&self) -> Cmd<'a> {
        let command = self.machine.shell.cmd(self.program);
        let unified = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
        if self.program == "podman" && !unified {
            // Where the kernel's groups are of the old kind, podman's first choice does not start.
            return command.args(["--runtime=runc", "--cgroup-manager=cgroupfs"]);
        }
        command
    }

    fn read(&self, arguments: &[&str]) -> Result<String> {
        self.machine.read(self.command().args(arguments))
    }

    /// Copies the program out of an image that does not run.
    pub(super) fn copy_program(&self, image: &str, file: &Path) -> Result<()> {
        let container = self.read(&["create", image])?;
        let from = format!("{container}:/oc-lettings");
        let copied = self
            .machine
            .run(self.command().args(["cp", &from]).arg(file));
        self.read(&["rm", "--volumes", &container])?;
        copied
    }

    /// Whether the program can name what it was doing when it reports a fault.
    fn names_functions(&self, machine: &Machine, image: &str) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let program = folder.path().join("oc-lettings");
        self.copy_program(image, &program)?;
        let names = machine.read(cmd!(machine.shell, "nm --demangle {program}"))?;
        ensure!(
            names.contains("web::admin::handlers::"),
            "the program has no names of functions for the stack of a fault"
        );
        Ok(())
    }

    /// Whether the image is what its file says; its size.
    fn look_at(&self, image: &str, source: &Source) -> Result<u64> {
        let about: Value = serde_json::from_str(&self.read(&["image", "inspect", image])?)?;
        let about = &about[0];
        let config = &about["Config"];
        let size = about["Size"].as_u64().context("the engine tells no size")?;
        ensure!(
            size < LARGEST,
            "{image} has {size} bytes; {LARGEST} are the limit"
        );
        ensure!(config["User"] == USER, "the user is {}", config["User"]);
        ensure!(
            config["ExposedPorts"]["8000/tcp"].is_object(),
            "port 8000 is not exposed"
        );
        ensure!(config["Volumes"]["/data"].is_object(), "/data is no volume");
        ensure!(
            about.to_string().contains("\"--health\""),
            "there is no health check"
        );
        let label = |name: &str| &config["Labels"][format!("org.opencontainers.image.{name}")];
        ensure!(
            label("revision") == &*source.revision && label("created") == &*source.created,
            "the labels are {}",
            config["Labels"]
        );
        Ok(size)
    }

    /// Starts it as a host should, asks it everything, and ends it as a host does.
    fn live(&self, image: &str, source: &Source) -> Result<()> {
        let container = self.start(image, true)?;
        let health = container.answer("/healthz")?;
        ensure!(
            health.json()?["revision"] == *source.revision,
            "the program inside says {}",
            String::from_utf8_lossy(&health.body)
        );
        for path in ["/readyz", "/", "/lettings/", "/admin/login/"] {
            let status = container.answer(path)?.status;
            ensure!(status == 200, "{path} answered {status}");
        }
        self.read(&["exec", &container.name, "/oc-lettings", "check", "--health"])?;
        ensure!(
            !container.log()?.contains("LOST"),
            "it complains of a volume with a name"
        );
        let start = Instant::now();
        let code = container.stop()?;
        ensure!(code == "0", "SIGTERM ended it with {code}");
        println!("ended by SIGTERM in {:.1} s", start.elapsed().as_secs_f32());
        Ok(())
    }

    /// Without a volume of a name it has to complain.
    fn forgetful_start(&self, image: &str) -> Result<()> {
        let container = self.start(image, false)?;
        let log = container.log()?;
        ensure!(
            log.contains("LOST") && log.contains("--volume"),
            "a database that will be lost is not told: {log}"
        );
        container.stop()?;
        Ok(())
    }

    fn start(&self, image: &str, volume: bool) -> Result<Container<'_>> {
        let port = free_port()?;
        let name = format!("oc-lettings-trial-{}-{port}", std::process::id());
        let mut run = self
            .command()
            .args(["run", "--detach", "--name", &name, "--network=host"])
            .args([
                "--read-only",
                "--cap-drop=all",
                "--security-opt=no-new-privileges",
            ])
            .args(["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"])
            .arg(format!("--env=PORT={port}"))
            .args(["--env=HOST=127.0.0.1", "--env=ALLOWED_HOSTS=127.0.0.1"])
            .arg(format!("--env=SECRET_KEY={}", "trial".repeat(8)));
        if volume {
            run = run.arg(format!("--volume={name}:/data"));
        }
        self.machine.run(run.arg(image).ignore_stdout())?;
        let container = Container {
            runner: self,
            name,
            port,
        };
        container.wait()?;
        Ok(container)
    }
}

/// A running container, removed with its volume when this is dropped.
struct Container<'a> {
    runner: &'a Runner<'a>,
    name: String,
    port: u16,
}

impl Container<'_> {
    fn answer(&self, path: &str) -> Result<Answer> {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        self.runner.http.once("the container", &get(&url)?)
    }

    fn wait(&self) -> Result<()> {
        let start = Instant::now();
        while self.answer("/healthz").is_err() {
            if start.elapsed() > PATIENCE {
                bail!("the container does not answer: {}", self.log()?);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        println!("answers after {:.1} s", start.elapsed().as_secs_f32());
        Ok(())
    }

    /// What it logged, which is on standard error.
    fn log(&self) -> Result<String> {
        let log = self.runner.command().args(["logs", &self.name]);
        let output = log.quiet().output()?;
        Ok(String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Sends SIGTERM and waits; the exit code.
    fn stop(&self) -> Result<String> {
        self.runner.read(&["stop", "--time=30", &self.name])?;
        self.runner
            .read(&["inspect", "--format={{.State.ExitCode}}", &self.name])
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        let quietly = |arguments: &[&str]| {
            let command = self.runner.command().args(arguments);
            // What is not there need not be removed.
            let _ = command.quiet().ignore_stdout().ignore_stderr().run();
        };
        quietly(&["rm", "--force", "--volumes", &self.name]);
        quietly(&["volume", "rm", "--force", &self.name]);
    }
}

/// Pushes to a registry on this machine, forgets, pulls by digest, and starts what came back.
fn round_trip(runner: &Runner<'_>, engine: Engine, image: &str, source: &Source) -> Result<()> {
    let machine = runner.machine;
    let server = LocalRegistry::start(machine, free_port()?)?;
    let repository = Repository::of(&format!("127.0.0.1:{}/trial", server.port))?;
    let registry = Registry::new(&runner.http, repository.clone(), None);
    let tool = engine.to_string();
    for tag in source.tags() {
        let name = repository.tagged(tag);
        machine.run(cmd!(machine.shell, "{tool} tag {image} {name}"))?;
    }
    engine.push(machine, &repository, source, None)?;
    let manifest = registry.find(&source.revision)?;
    let digest = manifest.context("the image did not arrive")?.digest;

    for tag in source.tags() {
        let name = repository.tagged(tag);
        machine.run(cmd!(machine.shell, "{tool} rmi {name}").ignore_stdout())?;
    }
    let pinned = repository.pinned(&digest);
    let insecure = (engine != Engine::Docker).then_some("--tls-verify=false");
    machine.run(cmd!(machine.shell, "{tool} pull {insecure...} {pinned}").ignore_stdout())?;
    let came_back = runner.live(&pinned, source);
    machine.run(cmd!(machine.shell, "{tool} rmi {pinned}").ignore_stdout())?;
    came_back?;
    println!("pushed, pulled back and started: {digest}");
    Ok(())
}

/// A port that is free just now; a container cannot be handed one that is taken already.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
