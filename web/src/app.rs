//! Every route of the site, in reading order. Assets and health checks come first: actix tries
//! one pattern after the other.

use actix_web::web::{ServiceConfig, resource, to};
use oc_http::health::{healthz, readyz};
use oc_http::{add_slash, cached_page, favicon, not_found, read_page, static_file};

use crate::handlers::{company, feed, home, lettings, photos, profiles, sitemap};

/// Adds previews of public pages to the admin.
pub(crate) fn previews(config: &mut ServiceConfig) {
    let path = "/{model:lettings/letting}/{id}/preview";
    config
        .service(read_page(&format!("{path}/"), lettings::preview))
        .service(resource(path).to(add_slash));
}

/// Adds every public route.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(read_page("/healthz", healthz))
        .service(read_page("/readyz", readyz))
        .service(read_page("/static/{file}", static_file))
        .service(cached_page("/", home::show))
        .service(cached_page("/lettings/", lettings::index))
        .service(cached_page("/lettings/feed/", feed::show))
        .service(cached_page("/lettings/{id:[0-9]+}/", lettings::show))
        .service(cached_page(
            "/photos/{hash:[0-9a-f]{64}}-{width:480|960|1600}.webp",
            photos::show,
        ))
        .service(cached_page("/profiles/", profiles::index))
        .service(cached_page("/profiles/{username}/", profiles::show))
        .service(cached_page("/privacy/", company::privacy))
        .service(cached_page("/robots.txt", sitemap::robots))
        .service(read_page(
            "/.well-known/security.txt",
            company::security_txt,
        ))
        .service(cached_page("/sitemap.xml", sitemap::map))
        .service(cached_page(
            "/sitemap-{kind:[a-z]+}-{number:[0-9]+}.xml",
            sitemap::map_part,
        ))
        .service(read_page("/favicon.ico", favicon))
        .default_service(to(not_found));
}
