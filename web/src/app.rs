//! Every route of the site, in reading order.

use actix_web::guard::{Any, Get, Head};
use actix_web::web::{self, ServiceConfig, to};
use actix_web::{FromRequest, Handler, Resource, Responder};

use crate::handlers::{asset, fallback, feed, health, home, lettings, profiles, sitemap};

/// All that can be asked for.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(read("/", home::show))
        .service(read("/lettings/", lettings::index))
        .service(read("/lettings/feed/", feed::show))
        .service(read("/lettings/{id:[0-9]+}/", lettings::show))
        .service(read("/profiles/", profiles::index))
        .service(read("/profiles/{username}/", profiles::show))
        .service(read("/robots.txt", sitemap::robots))
        .service(read("/sitemap.xml", sitemap::map))
        .service(read(
            "/sitemap-{kind:[a-z]+}-{number:[0-9]+}.xml",
            sitemap::map_part,
        ))
        .service(read("/favicon.ico", asset::favicon))
        .service(read("/static/{file}", asset::show))
        .service(read("/healthz", health::alive))
        .service(read("/readyz", health::ready))
        .default_service(to(fallback::not_found));
    for path in [
        "/lettings",
        "/lettings/feed",
        "/lettings/{id:[0-9]+}",
        "/profiles",
        "/profiles/{username}",
    ] {
        config.service(web::resource(path).to(fallback::add_slash));
    }
}

/// A page that is only read: GET and HEAD, and the right refusal for everything else.
fn read<F, Arguments>(path: &str, handler: F) -> Resource
where
    F: Handler<Arguments>,
    Arguments: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::resource(path)
        .route(web::route().guard(Any(Get()).or(Head())).to(handler))
        .default_service(to(fallback::only_read))
}
