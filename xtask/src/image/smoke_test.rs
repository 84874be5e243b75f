//! Smoke test of an image: inspect, start, request pages, stop, push, pull, start again.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use xshell::cmd;

use super::engine::Engine;
use super::name::Repository;
use super::registry::{Registries, TIMEOUT};
use super::source::Source;
use crate::context::Context;
use crate::http::{Http, Reply, get};
use crate::system_packages;

/// Maximum size of the image in bytes.
const MAX_SIZE: u64 = 30_000_000;

const USER: &str = "10001:10001";

/// Time limit for the first reply of a container.
const START_TIMEOUT: Duration = Duration::from_mins(1);

pub(crate) fn run(context: &Context, engine: Engine, image: &str, source: &Source) -> Result<()> {
    let size = inspect(context, engine, image, source)?;
    println!("{image}: {}.{} MB", size / 1_000_000, size / 100_000 % 10);
    check_function_names(context, engine, image)?;
    start_and_stop(context, engine, image, source)?;
    if let Err(error) = system_packages::require(context, system_packages::REGISTRY) {
        context.skip("push and pull", &error);
        return Ok(());
    }
    round_trip(context, engine, image, source)
}

/// Checks the image's configuration, and returns its size.
fn inspect(context: &Context, engine: Engine, image: &str, source: &Source) -> Result<u64> {
    let inspect = engine.runner(context).args(["image", "inspect", image]);
    let about: Value = serde_json::from_str(&context.read(inspect)?)?;
    let about = &about[0];
    let config = &about["Config"];
    let size = about["Size"].as_u64().context("the image has no size")?;
    ensure!(size < MAX_SIZE, "{image} has {size} of {MAX_SIZE} bytes");
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
    let labels = &config["Labels"];
    let label = |name: &str| &labels[format!("org.opencontainers.image.{name}")];
    ensure!(
        label("revision") == &*source.revision && label("created") == &*source.created,
        "the labels are {labels}"
    );
    Ok(size)
}

/// The program must contain names of functions, for stack traces.
fn check_function_names(context: &Context, engine: Engine, image: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let program = folder.path().join("oc-lettings");
    engine.copy_program(context, image, &program)?;
    let names = context.read(cmd!(context.shell, "nm --demangle {program}"))?;
    ensure!(
        names.contains("web::"),
        "the program has no names of functions for stack traces"
    );
    Ok(())
}

fn start_and_stop(context: &Context, engine: Engine, image: &str, source: &Source) -> Result<()> {
    let container = Container::start(context, engine, image)?;
    let health = container.get("/healthz")?.json()?;
    ensure!(
        health["revision"] == *source.revision,
        "/healthz says {health}"
    );
    for path in ["/readyz", "/", "/lettings/", "/admin/login/"] {
        let status = container.get(path)?.status;
        ensure!(status == 200, "{path} replied {status}");
    }
    container.command(&["exec", &container.name, "/oc-lettings", "check", "--health"])?;
    let start = Instant::now();
    container.command(&["stop", "--time=30", &container.name])?;
    let code = container.command(&["inspect", "--format={{.State.ExitCode}}", &container.name])?;
    ensure!(code == "0", "exit code {code} after SIGTERM");
    println!("stopped in {:.1} s", start.elapsed().as_secs_f32());
    Ok(())
}

/// A running container, removed with its volume on drop.
struct Container<'a> {
    context: &'a Context,
    engine: Engine,
    http: Http,
    name: String,
    port: u16,
}

impl<'a> Container<'a> {
    /// Starts it with the fewest permissions, and waits until it replies.
    fn start(context: &'a Context, engine: Engine, image: &str) -> Result<Self> {
        let port = free_port()?;
        let name = format!("oc-lettings-smoke-test-{}-{port}", std::process::id());
        let run = engine
            .runner(context)
            .args(["run", "--detach", "--network=host", "--read-only"])
            .args(["--cap-drop=all", "--security-opt=no-new-privileges"])
            .args(["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"])
            .args(["--env=HOST=127.0.0.1", "--env=ALLOWED_HOSTS=127.0.0.1"])
            .arg(format!("--env=PORT={port}"))
            .arg(format!("--env=SECRET_KEY={}", "smoke".repeat(8)))
            .arg(format!("--volume={name}:/data"))
            .args(["--name", &name, image]);
        context.run(run.ignore_stdout())?;
        let container = Self {
            context,
            engine,
            http: Http::new(Duration::from_millis(100)),
            name,
            port,
        };
        let start = Instant::now();
        while container.get("/healthz").is_err() {
            if start.elapsed() > START_TIMEOUT {
                let log = container
                    .engine
                    .runner(context)
                    .args(["logs", &container.name]);
                let log = log.output()?;
                bail!("no reply: {}", String::from_utf8_lossy(&log.stderr));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        println!("replied after {:.1} s", start.elapsed().as_secs_f32());
        Ok(container)
    }

    fn get(&self, path: &str) -> Result<Reply> {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let timeout = Duration::from_secs(10);
        Ok(self.http.attempt("the container", &get(&url)?, timeout)?)
    }

    fn command(&self, arguments: &[&str]) -> Result<String> {
        self.context
            .read(self.engine.runner(self.context).args(arguments))
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        for arguments in [
            ["rm", "--force", "--volumes", &self.name].as_slice(),
            &["volume", "rm", "--force", &self.name],
        ] {
            if let Err(error) = self.command(arguments) {
                eprintln!("could not remove the container: {error:#}");
            }
        }
    }
}

/// Pushes to a temporary registry, removes the image, pulls it by digest, and starts it.
fn round_trip(context: &Context, engine: Engine, image: &str, source: &Source) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let port = free_port()?;
    let settings = folder.path().join("registry.yml");
    let data = folder.path().join("data");
    context.shell.write_file(
        &settings,
        format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: 127.0.0.1:{port}}}\n",
            data.display()
        ),
    )?;
    let _server = context.start(cmd!(context.shell, "docker-registry serve {settings}"))?;
    let url = format!("http://127.0.0.1:{port}/v2/");
    Http::new(Duration::from_millis(100)).send("the registry", &get(&url)?)?;
    let repository = Repository::of(&format!("127.0.0.1:{port}/smoke-test"))?;
    let registries = Registries::new(context, [], TIMEOUT)?;
    let tool = engine.program();
    for tag in source.tags() {
        let name = repository.tagged(tag);
        context.run(cmd!(context.shell, "{tool} tag {image} {name}"))?;
    }
    let pinned = engine.push(context, &repository, source, &registries)?;
    for tag in source.tags() {
        let name = repository.tagged(tag);
        context.run(cmd!(context.shell, "{tool} rmi {name}").ignore_stdout())?;
    }
    let insecure = (engine != Engine::Docker).then_some("--tls-verify=false");
    context.run(cmd!(context.shell, "{tool} pull {insecure...} {pinned}").ignore_stdout())?;
    start_and_stop(context, engine, &pinned, source)?;
    context.run(cmd!(context.shell, "{tool} rmi {pinned}").ignore_stdout())
}

/// A free port: a container can't be given a socket that is bound already.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
