//! The home page.

use actix_web::HttpResponse;
use lettings::{Letting, LettingQuery, ListedLetting, Town};
use oc_http::{Head, Page, PageError, SITE_NAME};
use serde::Serialize;
use serde_json::json;

use crate::card::{Card, CardData, cards};

/// Number of lettings on the home page.
const NEWEST: i64 = 6;
/// Number of linked cities: those with the most lettings.
const TOWNS: i64 = 12;

#[derive(Serialize)]
struct HomePage {
    head: Head,
    lettings_total: i64,
    newest: Vec<Card>,
    cities: Vec<CityLink>,
    /// Whether there are more.
    has_more_cities: bool,
}

impl Page for HomePage {
    const TEMPLATE: &'static str = "home.html";
}

#[derive(Serialize)]
struct CityLink {
    name: String,
    href: String,
}

/// The home page: newest lettings and cities, with links to both lists.
pub(crate) async fn show((db, pages, site, currency): CardData) -> Result<HttpResponse, PageError> {
    let (newest, towns, towns_total, lettings_total) = db
        .read(move |conn| {
            let newest = ListedLetting::newest(conn, NEWEST)?;
            let newest = cards(conn, newest, &currency)?;
            let towns = Town::largest(conn, TOWNS)?;
            let towns_total = Town::cities(conn)?.len();
            Ok((newest, towns, towns_total, Letting::count(conn)?))
        })
        .await?;
    let mut head = Head::new(
        &site,
        "/",
        "Holiday Homes in Orange County, California",
        "Houses, apartments and cottages on the coast of Orange County, California. By the week or longer.",
    )
    .json_ld(&json!({
        "@context": "https://schema.org",
        "@type": "WebSite",
        "name": SITE_NAME,
        "url": site.url("/"),
        "potentialAction": {
            "@type": "SearchAction",
            "target": site.url("/lettings/?q={words}"),
            "query-input": "required name=words",
        },
    }));
    head.feed = Some(site.url("/lettings/feed/"));
    let has_more_cities = towns_total > towns.len();
    let cities = towns.into_iter().map(|name| {
        let query = LettingQuery {
            city: name.clone(),
            ..LettingQuery::default()
        };
        let href = query.href("/lettings/", 1);
        CityLink { name, href }
    });
    pages.render(&HomePage {
        head,
        lettings_total,
        newest,
        cities: cities.collect(),
        has_more_cities,
    })
}
