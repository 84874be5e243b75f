//! The list of lettings, and one letting.

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::{Data, Path};
use lettings::{Address, Letting, Photo, Town, WIDTHS, country};
use oc_http::middleware::POLICY_WITH_SCRIPTS;
use oc_http::{Db, Head, Page, PageError, Pages, Site, breadcrumbs};
use serde::Serialize;
use serde_json::json;

use crate::card::{self, Card, cards};
use crate::listing::{ListQuery, SortChoice, sorts};
use crate::photo_view::PhotoView;
use crate::picture;
use oc_http::{PageLinks, found};

const PATH: &str = "/lettings/";
/// Number of other lettings in the same city on a letting's page.
const NEARBY: i64 = 3;

#[derive(Serialize)]
struct IndexPage {
    head: Head,
    cards: Vec<Card>,
    query: ListQuery,
    cities: Vec<String>,
    states: Vec<String>,
    sorts: Vec<SortChoice>,
    found: String,
    searched: String,
    filtered: bool,
    pager: PageLinks,
    feed: String,
    clear: &'static str,
}

impl Page for IndexPage {
    const TEMPLATE: &'static str = "lettings/index.html";
}

/// The list, searched, filtered, sorted and paginated.
pub(crate) async fn index(
    db: Data<Db>,
    pages: Data<Pages>,
    site: Data<Site>,
    query: ListQuery,
) -> Result<HttpResponse, PageError> {
    let (filter, number) = (query.filter(), query.page.ok_or(PageError::NotFound)?);
    let filtered = query.is_filtered();
    let (cards, (number, count, total), all, cities, states) = db
        .read(move |conn| {
            let page = Letting::page(conn, &filter, number)?.ok_or(PageError::NotFound)?;
            let all = if filtered {
                Some(Letting::count(conn)?)
            } else {
                None
            };
            let (number, count, total) = (page.number, page.count, page.total);
            let cards = cards(conn, page.rows)?;
            let pager = (number, count, total);
            Ok((cards, pager, all, Town::all(conn)?, Town::states(conn)?))
        })
        .await?;
    let feed = ListQuery {
        sort: String::new(),
        ..query.clone()
    }
    .href("/lettings/feed/", 1);
    let found = found(total, all, "letting", "lettings");
    let searched = query.searched();
    let head = Head::new(
        &site,
        "lettings",
        &query.href(PATH, number),
        &query.title("Lettings"),
        format!("{found} in Orange County, California {searched}").trim_end(),
    )
    .feed(site.url(&feed))
    .noindex(!query.q.is_empty() || !query.sort.is_empty());
    pages.render(&IndexPage {
        head,
        pager: PageLinks::new(number, count, |number| query.href(PATH, number)),
        cards: search_results(cards, &query, number),
        cities: choices(cities, &query.city),
        states: choices(states, &query.state),
        query,
        sorts: sorts(),
        found,
        searched,
        filtered,
        feed,
        clear: PATH,
    })
}

/// Cards whose links contain the search, so that “Back” on a letting returns to it.
fn search_results(mut cards: Vec<Card>, query: &ListQuery, page: i64) -> Vec<Card> {
    for card in &mut cards {
        card.href = query.href(&card.href, page);
    }
    cards
}

/// Choices of a filter; empty if there is nothing to choose and nothing is chosen.
fn choices(towns: Vec<Town>, chosen: &str) -> Vec<String> {
    if towns.len() < 2 && chosen.is_empty() {
        return Vec::new();
    }
    towns.into_iter().map(|town| town.name).collect()
}

#[derive(Serialize)]
struct ShowPage {
    head: Head,
    letting: Shown,
    lines: Lines,
    picture: &'static str,
    city: String,
    photos: Vec<PhotoView>,
    nearby: Vec<Card>,
    back: String,
}

impl Page for ShowPage {
    const TEMPLATE: &'static str = "lettings/show.html";
}

#[derive(Serialize)]
struct Shown {
    id: i64,
    title: String,
}

/// The three lines of an address.
#[derive(Serialize)]
struct Lines {
    street: String,
    city: String,
    country: String,
}

impl From<&Address> for Lines {
    fn from(address: &Address) -> Self {
        Self {
            street: format!("{} {}", address.number, address.street),
            city: format!("{}, {} {}", address.city, address.state, address.zip()),
            country: address.country_iso_code.clone(),
        }
    }
}

/// One letting, with others in its city. The query string is the search that it was opened from.
pub(crate) async fn show(
    db: Data<Db>,
    pages: Data<Pages>,
    site: Data<Site>,
    id: Path<i64>,
    search: ListQuery,
) -> Result<HttpResponse, PageError> {
    let id = id.into_inner();
    let (letting, address, photos, nearby) = db
        .read(move |conn| {
            let (letting, address) = Letting::with_address(conn, id)?;
            let nearby = Letting::nearby(conn, id, &address, NEARBY)?;
            let nearby = cards(conn, nearby)?;
            let photos = Photo::public(conn, id)?;
            Ok((letting, address, photos, nearby))
        })
        .await?;
    let lines = Lines::from(&address);
    let path = card::path(letting.id);
    let mut head = Head::new(
        &site,
        "lettings",
        &path,
        &letting.title,
        &format!("{}: {}, {}.", letting.title, lines.street, lines.city),
    )
    .kind("article")
    .json_ld(&json!({
        "@context": "https://schema.org",
        "@graph": [facts(&site, &path, &letting, &address, &photos), breadcrumbs(
            &site,
            &[("Home", "/"), ("Lettings", PATH), (&letting.title, &path)],
        )],
    }));
    if let Some(cover) = photos.first() {
        let url = site.url(&cover.path(WIDTHS[2]));
        head = head.image(url, (cover.width, cover.height), &cover.alt);
    }
    let has_photos = !photos.is_empty();
    let mut response = pages.render(&ShowPage {
        head,
        lines,
        picture: picture::of(&address.city),
        city: address.city,
        letting: Shown {
            id: letting.id,
            title: letting.title,
        },
        photos: photos.into_iter().map(PhotoView::from).collect(),
        nearby,
        back: search.href(PATH, search.page.unwrap_or(1)),
    })?;
    if has_photos {
        let policy = HeaderValue::from_static(POLICY_WITH_SCRIPTS);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}

/// A letting as schema.org structured data.
fn facts(
    site: &Site,
    path: &str,
    letting: &Letting,
    address: &Address,
    photos: &[Photo],
) -> serde_json::Value {
    let mut facts = json!({
        "@type": "Accommodation",
        "name": letting.title,
        "url": site.url(path),
        "address": {
            "@type": "PostalAddress",
            "streetAddress": format!("{} {}", address.number, address.street),
            "addressLocality": address.city,
            "addressRegion": address.state,
            "postalCode": address.zip(),
            "addressCountry": country::alpha2(&address.country_iso_code)
                .unwrap_or(&address.country_iso_code),
        },
    });
    if !photos.is_empty() {
        let urls = photos.iter().map(|photo| site.url(&photo.path(WIDTHS[2])));
        facts["image"] = urls.collect();
    }
    facts
}
