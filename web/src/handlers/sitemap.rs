//! robots.txt and sitemaps (sitemaps.org, protocol 0.9).

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use lettings::Letting;
use oc_core::DbConnection;
use oc_http::{Db, Page, PageError, Pages, Site};
use profiles::{PublicProfile, public_path};
use serde::Serialize;

use crate::card;
use crate::listing::LISTS;

/// Maximum number of URLs in a sitemap file.
const LARGEST: i64 = 50_000;

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
    let site_of_map = site.clone();
    let (counts, addresses) = db
        .read_long(move |conn| {
            let (lettings, profiles) = (Letting::count(conn)?, PublicProfile::count(conn)?);
            let counts = [
                ("pages", i64::try_from(1 + LISTS.len()).unwrap_or(LARGEST)),
                ("lettings", lettings),
                ("profiles", profiles),
            ];
            let mut addresses = Vec::new();
            if counts.iter().map(|(_, count)| count).sum::<i64>() <= LARGEST {
                for (name, _) in counts {
                    addresses.extend(part(conn, &site_of_map, name, 1)?);
                }
            }
            Ok((counts, addresses))
        })
        .await?;
    if !addresses.is_empty() {
        return pages.render(&Map { addresses });
    }
    let files = counts.into_iter().flat_map(|(name, count)| {
        let site = site.clone();
        (1..=(count + LARGEST - 1) / LARGEST)
            .map(move |number| site.url(&format!("/sitemap-{name}-{number}.xml")))
    });
    pages.render(&Index {
        files: files.collect(),
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
    let addresses = db
        .read_long(move |conn| part(conn, &site, &name, number.into()))
        .await?;
    if addresses.is_empty() && number != 1 {
        return Err(PageError::NotFound);
    }
    pages.render(&Map { addresses })
}

/// The URLs in part `number` (from 1).
fn part(
    conn: &mut DbConnection,
    site: &Site,
    name: &str,
    number: i64,
) -> Result<Vec<Location>, PageError> {
    let location = |path: &str, changed| Location {
        url: site.url(path),
        changed,
    };
    let offset = (number - 1) * LARGEST;
    Ok(match name {
        _ if number < 1 => return Err(PageError::NotFound),
        "pages" if number == 1 => {
            let paths = ["/"].into_iter().chain(LISTS);
            paths.map(|path| location(path, None)).collect()
        }
        "lettings" => {
            let lettings = Letting::changes(conn, offset, LARGEST)?.into_iter();
            let locations = lettings.map(|(id, changed)| {
                let time = changed.and_utc().format("%Y-%m-%dT%H:%M:%SZ");
                location(&card::path(id), Some(time.to_string()))
            });
            locations.collect()
        }
        "profiles" => {
            let usernames = PublicProfile::usernames(conn, offset, LARGEST)?;
            let paths = usernames.iter().map(|username| public_path(username));
            paths.map(|path| location(&path, None)).collect()
        }
        _ => return Err(PageError::NotFound),
    })
}
