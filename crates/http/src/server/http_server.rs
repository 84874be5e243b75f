//! HTTP server: actix's own, on connections with a minimum transfer rate.

use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_http::{HttpService, Protocol, Request, Response};
use actix_rt::{Arbiter, ArbiterHandle};
use actix_service::{
    Service, ServiceFactory, ServiceFactoryExt, apply_fn_factory, fn_service, map_config,
};
use actix_web::body::BoxBody;
use actix_web::dev::{AppConfig, ServiceRequest, ServiceResponse};
use actix_web::rt::net::TcpStream;
use actix_web::{App, Error};
use anyhow::Context;
use futures_util::future::{Either, join_all, ready};
use futures_util::{FutureExt, TryFutureExt};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};
use tokio::{join, select};
use tokio_util::sync::CancellationToken;

use super::min_rate::{MinRateStream, PeerDeadline};

/// Time for workers to begin to serve accepted connections before the graceful stop, which drops the others.
const ACCEPTED_CONNECTIONS_START: Duration = Duration::from_millis(300);

/// Limits of connections.
#[derive(Debug, Clone, Copy)]
pub struct ServerOptions {
    /// Number of worker threads.
    pub workers: usize,
    /// Connections at a time, over all workers; more wait in the system's queue.
    pub max_connections: usize,
    /// For the head of a first request, and for a peer that is slower than the minimum rate.
    pub client_timeout: Duration,
    /// Between two requests on a connection.
    pub idle_timeout: Duration,
    /// How long to keep serving after a shutdown request, so that a proxy can remove the node.
    pub shutdown_delay: Duration,
    /// How long running requests may take after that.
    pub shutdown_timeout: Duration,
}

/// A bound server, which serves while [`run`](Self::run) is polled.
pub struct Server {
    /// The address that it listens on.
    pub address: SocketAddr,
    /// Liveness of the workers.
    pub heartbeat: Heartbeat,
    running: actix_server::Server,
    options: ServerOptions,
    shutdown: CancellationToken,
}

impl Server {
    /// Serves a request with `stored_response`, or if that returns `None`, with the application that `make_app` creates
    /// for each worker.
    pub fn new<T>(
        listener: TcpListener,
        options: ServerOptions,
        shutdown: CancellationToken,
        stored_response: impl Fn(&Request) -> Option<Response<BoxBody>> + Clone + Send + 'static,
        make_app: impl Fn() -> App<T> + Clone + Send + 'static,
    ) -> anyhow::Result<Self>
    where
        T: ServiceFactory<
                ServiceRequest,
                Config = (),
                Response = ServiceResponse<BoxBody>,
                Error = Error,
                InitError = (),
            > + 'static,
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
        let builder = builder.listen("site", listener, move || {
            workers.lock().push(Arbiter::current());
            let (draining, stored_response) = (draining.clone(), stored_response.clone());
            let app = map_config(make_app(), |()| AppConfig::default());
            let app = apply_fn_factory(app, move |request: Request, app| {
                let peer = request.conn_data::<PeerDeadline>().cloned();
                let peer = peer.expect("every connection has a deadline");
                let response = if let Some(response) = stored_response(&request) {
                    Either::Left(ready(Ok(response)))
                } else {
                    peer.suspend();
                    Either::Right(app.call(request).map_ok(Response::from))
                };
                response.inspect(move |_| peer.resume())
            });
            let app = app.map_err(|error: Error| error.error_response());
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
                .finish(app);
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
            address,
            heartbeat,
            running: builder.run(),
            options,
            shutdown,
        })
    }

    /// Serves until the shutdown, and then until running requests are finished or the time is up. If the future is
    /// dropped, everything ends at once.
    pub async fn run(self) -> anyhow::Result<()> {
        let handle = self.running.handle();
        let mut server = pin!(self.running);
        select! {
            ended = &mut server => return Ok(ended?),
            () = self.shutdown.cancelled() => {}
        }
        let options = self.options;
        let began = Instant::now();
        let (ended, ()) = join!(server, async {
            sleep(options.shutdown_delay).await;
            handle.pause().await;
            sleep(ACCEPTED_CONNECTIONS_START).await;
            handle.stop(true).await;
        });
        if began.elapsed() >= options.shutdown_delay + options.shutdown_timeout {
            log::warn!("closed connections that did not end in time");
        }
        Ok(ended?)
    }
}

/// Liveness of the workers: none is blocked by work that belongs on another thread.
#[derive(Debug, Clone, Default)]
pub struct Heartbeat(Arc<Mutex<Vec<ArbiterHandle>>>);

impl Heartbeat {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<ArbiterHandle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether every worker replies within that time.
    pub async fn is_alive(&self, limit: Duration) -> bool {
        let mut replies = Vec::new();
        // actix replaces a worker that has died.
        self.lock().retain(|worker| {
            let (sender, reply) = oneshot::channel();
            replies.push(reply);
            worker.spawn_fn(move || _ = sender.send(()))
        });
        // A reply that is lost belongs to a dead worker.
        timeout(limit, join_all(replies)).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use actix_rt::spawn;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const LIMIT: Duration = Duration::from_mins(1);

    #[actix_web::test]
    async fn blocked_worker_is_not_alive_until_it_goes_on() -> anyhow::Result<()> {
        let workers = [Arbiter::new(), Arbiter::new()];
        let heartbeat = Heartbeat::default();
        heartbeat.lock().extend(workers.iter().map(Arbiter::handle));
        assert!(heartbeat.is_alive(LIMIT).await);

        let (go, wait) = channel::<()>();
        workers[1].spawn_fn(move || {
            wait.recv().ok();
        });
        assert!(!heartbeat.is_alive(Duration::from_millis(1)).await);

        go.send(())?;
        assert!(heartbeat.is_alive(LIMIT).await);
        Ok(())
    }

    #[actix_web::test]
    async fn slow_later_head_is_disconnected_without_middleware() -> anyhow::Result<()> {
        let options = ServerOptions {
            workers: 1,
            max_connections: 1,
            client_timeout: Duration::from_secs(1),
            idle_timeout: Duration::from_hours(1),
            shutdown_delay: Duration::ZERO,
            shutdown_timeout: Duration::ZERO,
        };
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let server = Server::new(
            listener,
            options,
            CancellationToken::new(),
            |_| None,
            App::new,
        )?;
        let mut peer = TcpStream::connect(server.address).await?;
        spawn(server.run());

        let request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
        peer.write_all(request).await?;
        assert!(peer.read(&mut [0; 1024]).await? > 0);
        peer.write_all(&request[..9]).await?;
        let closed = timeout(LIMIT, peer.read(&mut [0; 1024])).await?;

        assert_eq!(closed?, 0);
        Ok(())
    }
}
