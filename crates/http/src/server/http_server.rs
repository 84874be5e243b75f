//! HTTP server: actix's own, on connections with a minimum transfer rate.

use std::fmt::Debug;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_http::body::MessageBody;
use actix_http::{HttpService, Protocol, Request, Response};
use actix_rt::{Arbiter, ArbiterHandle};
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, fn_service, map_config,
};
use actix_web::Error;
use actix_web::dev::AppConfig;
use actix_web::rt::net::TcpStream;
use anyhow::Context;
use tokio::select;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout_at};

use super::min_rate::MinRateStream;
use super::shutdown::Shutdown;

/// Between the last accepted connection and the graceful stop. Connections that a worker hasn't begun to serve at that
/// time are lost.
const ACCEPTED_CONNECTIONS_START: Duration = Duration::from_millis(300);

/// What connections may cost.
#[derive(Debug, Clone, Copy)]
pub struct ServerOptions {
    /// Threads.
    pub workers: usize,
    /// Connections at a time, over all workers; more wait in the system's queue.
    pub max_connections: usize,
    /// For the head of a first request, and for a peer that is slower than the minimum rate.
    pub client_timeout: Duration,
    /// Between two requests on a connection.
    pub idle_timeout: Duration,
    /// For running requests after the request to shut down.
    pub shutdown_timeout: Duration,
}

/// A site that listens.
pub struct Server {
    server: actix_server::Server,
    address: SocketAddr,
    shutdown_timeout: Duration,
    shutdown: Shutdown,
    heartbeat: Heartbeat,
}

impl Server {
    /// A server for the application that `make_app` makes once per worker.
    ///
    /// # Errors
    /// When the socket cannot be used.
    pub fn new<F, I, S, B>(
        listener: TcpListener,
        options: ServerOptions,
        shutdown: Shutdown,
        make_app: F,
    ) -> anyhow::Result<Self>
    where
        F: Fn() -> I + Clone + Send + 'static,
        I: IntoServiceFactory<S, Request>,
        S: ServiceFactory<Request, Config = AppConfig> + 'static,
        S::Error: Into<Error> + 'static,
        S::InitError: Debug,
        S::Response: Into<Response<B>> + 'static,
        <S::Service as Service<Request>>::Future: 'static,
        S::Service: 'static,
        B: MessageBody + 'static,
    {
        let address = listener.local_addr().context("the socket has no address")?;
        let heartbeat = Heartbeat::default();
        let workers = heartbeat.clone();
        let builder = actix_server::Server::build()
            .workers(options.workers)
            .max_concurrent_connections(options.max_connections.div_ceil(options.workers))
            .shutdown_timeout(options.shutdown_timeout.as_secs())
            .disable_signals();
        let draining = builder.graceful_shutdown_signal();
        let server = builder.listen("site", listener, move || {
            workers.add(Arbiter::current());
            let draining = draining.clone();
            let app = make_app()
                .into_factory()
                .map_err(|error: S::Error| error.into().error_response());
            let http = HttpService::build()
                .keep_alive(options.idle_timeout)
                .client_request_timeout(options.client_timeout)
                .client_disconnect_timeout(options.client_timeout)
                .graceful_shutdown_signal(move || {
                    let draining = draining.clone();
                    async move { draining.notified().await }
                })
                .on_connect_ext(|stream: &MinRateStream, extensions| {
                    extensions.insert(stream.peer.clone());
                })
                .finish(map_config(app, |()| AppConfig::default()));
            fn_service(move |stream: TcpStream| async move {
                // Small responses leave at once.
                stream.set_nodelay(true).ok();
                let peer = stream.peer_addr().ok();
                let stream = MinRateStream::new(stream, options.client_timeout);
                Ok((stream, Protocol::Http1, peer))
            })
            .and_then(http)
        })?;
        Ok(Self {
            server: server.run(),
            address,
            shutdown_timeout: options.shutdown_timeout,
            shutdown,
            heartbeat,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until it is asked to shut down, and then until running requests are finished or the time is up. Calls
    /// `ready` once all workers serve.
    ///
    /// # Errors
    /// When a worker cannot start.
    pub async fn run(self, ready: impl FnOnce(&Heartbeat)) -> anyhow::Result<()> {
        let handle = self.server.handle();
        let mut server = actix_web::rt::spawn(self.server);
        select! {
            biased;
            ended = &mut server => return Ok(ended??),
            // Commands are carried out once the workers have started; there is nothing to resume.
            () = handle.resume() => {}
        }
        ready(&self.heartbeat);
        select! {
            ended = &mut server => return Ok(ended??),
            () = self.shutdown.requested() => {}
        }
        let began = Instant::now();
        let stop = async {
            handle.pause().await;
            sleep(ACCEPTED_CONNECTIONS_START).await;
            handle.stop(true).await;
        };
        select! {
            () = stop => {
                if began.elapsed() >= self.shutdown_timeout {
                    log::warn!("closed connections that did not end in time");
                }
            }
            () = self.shutdown.forced() => {
                server.abort();
                // It has ended either way.
                server.await.ok();
            }
        }
        Ok(())
    }
}

/// Tells whether every worker still turns: none is blocked by something that should not run there.
#[derive(Debug, Clone, Default)]
pub struct Heartbeat(Arc<Mutex<Vec<ArbiterHandle>>>);

impl Heartbeat {
    fn add(&self, worker: ArbiterHandle) {
        let mut workers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        workers.push(worker);
    }

    /// Asks each worker for a sign within that time.
    pub async fn is_alive(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        let mut signs = Vec::new();
        {
            let mut workers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // actix replaces a worker that has died.
            workers.retain(|worker| {
                let (sender, sign) = oneshot::channel();
                signs.push(sign);
                worker.spawn_fn(move || {
                    sender.send(()).ok();
                })
            });
        }
        for sign in signs {
            if timeout_at(deadline, sign).await.is_err() {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    const PATIENCE: Duration = Duration::from_mins(1);

    #[actix_web::test]
    async fn blocked_worker_is_not_alive_until_it_goes_on() -> anyhow::Result<()> {
        let workers = [Arbiter::new(), Arbiter::new()];
        let heartbeat = Heartbeat::default();
        for worker in &workers {
            heartbeat.add(worker.handle());
        }
        assert!(heartbeat.is_alive(PATIENCE).await);

        let (go, wait) = channel::<()>();
        workers[1].spawn_fn(move || {
            wait.recv().ok();
        });
        assert!(!heartbeat.is_alive(Duration::from_millis(1)).await);

        go.send(())?;
        assert!(heartbeat.is_alive(PATIENCE).await);
        Ok(())
    }
}
