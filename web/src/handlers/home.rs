//! The home page.

use actix_web::HttpResponse;
use actix_web::web::Data;
use lettings::{Letting, LettingFilter, Town};
use serde::Serialize;
use serde_json::json;

use crate::card::{Card, cards};
use crate::db::Db;
use crate::error::PageError;
use crate::head::{Head, NAME};
use crate::listing::ListQuery;
use crate::pages::{Page, Pages};
use crate::site::Site;

/// How many lettings the home page shows.
const NEWEST: i64 = 6;
/// How many towns it links to.
const TOWNS: usize = 12;

#[derive(Serialize)]
struct HomePage {
    head: Head,
    lettings_total: i64,
    newest: Vec<Card>,
    cities: Vec<CityLink>,
}

impl Page for HomePage {
    const TEMPLATE: &'static str = "home.html";
}

#[derive(Serialize)]
struct CityLink {
    name: String,
    href: String,
}

/// The newest lettings, the towns, and the ways to both lists.
pub(crate) async fn show(
    db: Data<Db>,
    pages: Data<Pages>,
    site: Data<Site>,
) -> Result<HttpResponse, PageError> {
    let (newest, towns, lettings_total) = db
        .read(|conn| {
            let newest = Letting::newest(conn, &LettingFilter::default(), NEWEST)?;
            Ok((newest, Town::all(conn)?, Letting::count(conn)?))
        })
        .await?;
    let head = Head::new(
        &site,
        "home",
        "/",
        "Holiday Homes in Orange County, California",
        "Houses, cottages and flats by the sea and in the hills of Orange County, California.",
    )
    .feed(site.url("/lettings/feed/"))
    .json_ld(&json!({
        "@context": "https://schema.org",
        "@type": "WebSite",
        "name": NAME,
        "url": site.url("/"),
        "potentialAction": {
            "@type": "SearchAction",
            "target": site.url("/lettings/?q={words}"),
            "query-input": "required name=words",
        },
    }));
    let cities = towns.into_iter().take(TOWNS).map(|town| {
        let query = ListQuery {
            city: town.name.clone(),
            ..ListQuery::default()
        };
        CityLink {
            name: town.name,
            href: query.href("/lettings/", 1),
        }
    });
    pages.render(&HomePage {
        head,
        lettings_total,
        newest: cards(newest),
        cities: cities.collect(),
    })
}
