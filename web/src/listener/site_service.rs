//! The site as something that takes a stream with one request in it.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use actix_http::body::MessageBody;
use actix_http::{HttpService, KeepAlive, Protocol, Request, Response};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, map_config};
use actix_web::Error;
use actix_web::dev::AppConfig;
use futures_util::future::LocalBoxFuture;

use super::stream::Stream;

/// Answers the request in a stream from that address.
pub(super) type Site = Rc<dyn Fn(Stream, SocketAddr) -> LocalBoxFuture<'static, ()>>;

/// Makes a [`Site`], once on every worker.
pub(crate) struct MakeSite(
    Box<dyn Fn() -> LocalBoxFuture<'static, anyhow::Result<Site>> + Send + Sync>,
);

impl MakeSite {
    /// What makes a site of the application that `app` makes.
    pub(crate) fn of<F, I, S, B>(app: F) -> Self
    where
        F: Fn() -> I + Send + Sync + 'static,
        I: IntoServiceFactory<S, Request>,
        S: ServiceFactory<Request, Config = AppConfig> + 'static,
        S::Error: Into<Error> + 'static,
        S::InitError: std::fmt::Debug,
        S::Response: Into<Response<B>> + 'static,
        <S::Service as Service<Request>>::Future: 'static,
        S::Service: 'static,
        B: MessageBody + 'static,
    {
        Self(Box::new(move || {
            let app = app()
                .into_factory()
                .map_err(|error: S::Error| error.into().error_response());
            let app = map_config(app, |()| AppConfig::default());
            let service = HttpService::<Stream, _, _>::build()
                // Connections and clients that are slow are our own business.
                .keep_alive(KeepAlive::Os)
                .client_request_timeout(Duration::ZERO)
                .client_disconnect_timeout(Duration::ZERO)
                .finish(app);
            Box::pin(async move {
                let service = service
                    .new_service(())
                    .await
                    .map_err(|()| anyhow::anyhow!("a worker could not build the site"))?;
                Ok(Rc::new(move |stream, peer| {
                    let answered = service.call((stream, Protocol::Http1, Some(peer)));
                    // What goes wrong here has gone wrong with the client: it is seen in the stream.
                    let site: LocalBoxFuture<'static, ()> =
                        Box::pin(async { drop(answered.await) });
                    site
                }) as Site)
            })
        }))
    }

    /// A site for this thread.
    pub(super) async fn make(&self) -> anyhow::Result<Site> {
        (self.0)().await
    }
}
