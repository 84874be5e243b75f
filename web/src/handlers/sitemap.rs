//! robots.txt and sitemaps (sitemaps.org, protocol 0.9).

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use lettings::Letting;
use oc_http::{Db, Page, PageError, Pages, Site};
use profiles::{PublicProfile, public_path};
use serde::Serialize;

use crate::card;

/// Maximum number of URLs in a sitemap file.
const LARGEST: i64 = 50_000;
/// Pages that belong to neither a letting nor a profile.
const FIXED: [&str; 3] = ["/", "/lettings/", "/profiles/"];

#[derive(Serialize)]
struct Robots {
    sitemap: String,
}

impl Page for Robots {
    const TEMPLATE: &'static str = "robots.txt";
    const CONTENT_TYPE: &'static str = "text/plain; charset=utf-8";
}

#[derive(Serialize)]
struct Map {
    addresses: Vec<Location>,
}

impl Page for Map {
    const TEMPLATE: &'static str = "sitemap.xml";
    const CONTENT_TYPE: &'static str = "application/xml; charset=utf-8";
}

#[derive(Serialize)]
struct Index {
    files: Vec<String>,
}

impl Page for Index {
    const TEMPLATE: &'static str = "sitemap_index.xml";
    const CONTENT_TYPE: &'static str = "application/xml; charset=utf-8";
}

#[derive(Serialize)]
struct Location {
    url: String,
    changed: Option<String>,
}

/// `/robots.txt`, with the URL of the sitemap.
pub(crate) async fn robots(
    pages: Data<Pages>,
    site: Data<Site>,
) -> Result<HttpResponse, PageError> {
    pages.render(&Robots {
        sitemap: site.url("/sitemap.xml"),
    })
}

/// The sitemap or, if it is too large for one file, the index of its parts.
pub(crate) async fn map(
    db: Data<Db>,
    pages: Data<Pages>,
    site: Data<Site>,
) -> Result<HttpResponse, PageError> {
    let (lettings, profiles) = db
        .read_long(|conn| Ok((Letting::count(conn)?, PublicProfile::count(conn)?)))
        .await?;
    let mut addresses = fixed(&site);
    let fixed_pages = i64::try_from(addresses.len()).unwrap_or(LARGEST);
    if lettings + profiles + fixed_pages <= LARGEST {
        addresses.extend(part(&db, &site, Kind::Lettings, 1).await?);
        addresses.extend(part(&db, &site, Kind::Profiles, 1).await?);
        return pages.render(&Map { addresses });
    }
    let parts = |name: &'static str, count: i64| {
        let site = site.clone();
        (1..=(count + LARGEST - 1) / LARGEST)
            .map(move |number| site.url(&format!("/sitemap-{name}-{number}.xml")))
    };
    let files = [site.url("/sitemap-pages-1.xml")].into_iter();
    pages.render(&Index {
        files: files
            .chain(parts("lettings", lettings))
            .chain(parts("profiles", profiles))
            .collect(),
    })
}

/// One part of the sitemap; only the first part may be empty.
pub(crate) async fn map_part(
    db: Data<Db>,
    pages: Data<Pages>,
    site: Data<Site>,
    path: Path<(String, u32)>,
) -> Result<HttpResponse, PageError> {
    let (name, number) = path.into_inner();
    let addresses = match (name.as_str(), number) {
        ("pages", 1) => fixed(&site),
        ("lettings", number) => part(&db, &site, Kind::Lettings, number.into()).await?,
        ("profiles", number) => part(&db, &site, Kind::Profiles, number.into()).await?,
        _ => return Err(PageError::NotFound),
    };
    if addresses.is_empty() && number != 1 {
        return Err(PageError::NotFound);
    }
    pages.render(&Map { addresses })
}

#[derive(Clone, Copy)]
enum Kind {
    Lettings,
    Profiles,
}

fn fixed(site: &Site) -> Vec<Location> {
    FIXED
        .iter()
        .map(|path| Location {
            url: site.url(path),
            changed: None,
        })
        .collect()
}

/// The URLs in part `number` (from 1) of the lettings or profiles.
async fn part(db: &Db, site: &Site, kind: Kind, number: i64) -> Result<Vec<Location>, PageError> {
    if number < 1 {
        return Err(PageError::NotFound);
    }
    let offset = (number - 1) * LARGEST;
    let site = site.clone();
    db.read_long(move |conn| {
        Ok(match kind {
            Kind::Lettings => Letting::changes(conn, offset, LARGEST)?
                .into_iter()
                .map(|(id, changed)| Location {
                    url: site.url(&card::path(id)),
                    changed: Some(changed.and_utc().format("%Y-%m-%dT%H:%M:%SZ").to_string()),
                })
                .collect(),
            Kind::Profiles => PublicProfile::usernames(conn, offset, LARGEST)?
                .into_iter()
                .map(|username| Location {
                    url: site.url(&public_path(&username)),
                    changed: None,
                })
                .collect(),
        })
    })
    .await
}
