//! The list of lettings, and one letting.

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Path;
use admin::PreviewRequest;
use form_urlencoded::Serializer;
use lettings::facts::{Currency, KINDS, PUBLISHED, STATUSES, label};
use lettings::{
    Address, Audience, Facets, FilterForm, Letting, LettingQuery, ListedLetting, Photo, WIDTHS,
    country,
};
use oc_http::POLICY_WITH_SCRIPTS;
use oc_http::{Head, Page, PageError, Site};
use profiles::{PublicProfile, public_path};
use serde::Serialize;
use serde_json::{Value, json};

use crate::card::{self, Card, CardData, cards};
use crate::listing::Search;
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
    query: LettingQuery,
    filters: FilterForm,
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
    (db, pages, site, currency): CardData,
    Search(query): Search,
) -> Result<HttpResponse, PageError> {
    let (filter, number) = (query.filter(), query.page.ok_or(PageError::NotFound)?);
    let filtered = query.is_filtered();
    let shown_currency = currency.clone();
    let (cards, (number, count, total), all, facets) = db
        .read(move |conn| {
            let page = ListedLetting::page(conn, &filter, number)?.ok_or(PageError::NotFound)?;
            let all = if filtered {
                Some(Letting::count(conn)?)
            } else {
                None
            };
            let (number, count, total) = (page.number, page.count, page.total);
            let cards = cards(conn, page.rows, &currency)?;
            let position = (number, count, total);
            Ok((cards, position, all, Facets::load(conn, &filter)?))
        })
        .await?;
    let feed = LettingQuery {
        sort: String::new(),
        ..query.clone()
    }
    .href("/lettings/feed/", 1);
    let found = found(total, all, "letting", "lettings");
    let searched = query.searched();
    let filters = query.form(&facets, PATH, &shown_currency);
    let mut head = Head::new(
        &site,
        &query.href(PATH, number),
        &query.title("Lettings"),
        format!("{found} in Orange County, California {searched}").trim_end(),
    );
    head.feed = Some(site.url(&feed));
    head.noindex = !query.q.is_empty() || !query.sort.is_empty();
    pages.render(&IndexPage {
        head,
        pager: PageLinks::new(number, count, |number| query.href(PATH, number)),
        cards: search_results(cards, &query, number),
        query,
        filters,
        found,
        searched,
        filtered,
        feed,
        clear: PATH,
    })
}

/// Cards whose links contain the search, so that “Back” on a letting returns to it.
fn search_results(mut cards: Vec<Card>, query: &LettingQuery, page: i64) -> Vec<Card> {
    for card in &mut cards {
        card.href = query.href(&card.href, page);
    }
    cards
}

#[derive(Serialize)]
struct ShowPage {
    head: Head,
    letting: LettingView,
    lines: Vec<String>,
    /// What staff should know about a page that isn't public.
    notice: Option<String>,
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
struct LettingView {
    title: String,
    /// `Apartment in Laguna Beach`, if the type is known.
    kind: Option<String>,
    facts: Vec<String>,
    price: Option<String>,
    minimum_stay: Option<String>,
    summary: String,
    paragraphs: Vec<String>,
    offers: Vec<(&'static str, Vec<&'static str>)>,
    permit: String,
    host: Option<HostLink>,
    /// A search for its address as far as the public sees it.
    map_href: String,
}

impl LettingView {
    fn new(
        letting: &Letting,
        address: &Address,
        host: Option<String>,
        currency: &Currency,
    ) -> Self {
        let kind = label(KINDS, &letting.kind);
        let place = letting.place(address);
        let search = Serializer::new(String::new())
            .append_pair("query", &place)
            .finish();
        Self {
            title: letting.title.clone(),
            kind: (!kind.is_empty()).then(|| format!("{kind} in {}", address.city)),
            facts: letting.facts(),
            price: letting.price(currency),
            minimum_stay: letting.minimum_stay(),
            summary: letting.summary.clone(),
            paragraphs: letting.paragraphs(),
            offers: letting.offers(),
            permit: letting.permit.clone(),
            host: host.map(|username| HostLink {
                href: public_path(&username),
                name: username,
            }),
            map_href: format!("https://www.openstreetmap.org/search?{search}"),
        }
    }
}

#[derive(Serialize)]
struct HostLink {
    name: String,
    href: String,
}

/// One letting, with others in its city. The query string is the search that it was opened from.
pub(crate) async fn show(
    data: CardData,
    id: Path<i64>,
    Search(search): Search,
) -> Result<HttpResponse, PageError> {
    let back = search.href(PATH, search.page.unwrap_or(1));
    render(data, *id, back, Audience::Public, true).await
}

/// A letting of any status as visitors would see it, for staff.
pub(crate) async fn preview(
    request: PreviewRequest,
    data: CardData,
) -> Result<HttpResponse, PageError> {
    let (form, photos) = (request.form_path, request.shows_images);
    let mut page = render(data, request.id, form, Audience::Staff, photos).await?;
    let policy = HeaderValue::from_static("private, no-store");
    page.headers_mut().insert(header::CACHE_CONTROL, policy);
    Ok(page)
}

async fn render(
    (db, pages, site, currency): CardData,
    id: i64,
    back: String,
    audience: Audience,
    shows_photos: bool,
) -> Result<HttpResponse, PageError> {
    let shown_currency = currency.clone();
    let (letting, address, photos, nearby, host) = db
        .read(move |conn| {
            let (letting, address) = Letting::with_address_for(conn, id, audience)?;
            let nearby = ListedLetting::nearby(conn, id, &address, NEARBY)?;
            let nearby = cards(conn, nearby, &currency)?;
            let shows_photos = shows_photos || letting.status == PUBLISHED;
            let photos = shows_photos.then(|| Photo::public(conn, id)).transpose()?;
            let host = match letting.host_id {
                Some(profile) => PublicProfile::username(conn, profile)?,
                None => None,
            };
            Ok((letting, address, photos, nearby, host))
        })
        .await?;
    let photos = photos.unwrap_or_default();
    let path = card::path(letting.id);
    let mut head = Head::new(
        &site,
        &path,
        &letting.title,
        &if letting.summary.is_empty() {
            format!("{}: {}.", letting.title, letting.place(&address))
        } else {
            letting.summary.clone()
        },
    )
    .json_ld(&structured_data(&site, &path, &letting, &address, &photos));
    head.kind = "article";
    head.noindex = audience == Audience::Staff;
    if let Some(cover) = photos.first() {
        let url = site.url(&cover.path(WIDTHS[2]));
        head = head.image(url, (cover.width, cover.height), &cover.alt);
    }
    let has_photos = !photos.is_empty();
    let (view, notice): (fn(Photo) -> PhotoView, _) = match letting.status.as_str() {
        PUBLISHED => (PhotoView::from, None),
        status => {
            let hidden = ", and you can't see its photos";
            let photos = if shows_photos { "" } else { hidden };
            let status = label(STATUSES, status);
            let notice = format!("{status}: visitors can't see this page{photos}");
            (PhotoView::for_staff, Some(notice))
        }
    };
    let mut response = pages.render(&ShowPage {
        head,
        lines: letting.address_lines(&address),
        notice,
        picture: picture::of(&address.city),
        city: address.city.clone(),
        letting: LettingView::new(&letting, &address, host, &shown_currency),
        photos: photos.into_iter().map(view).collect(),
        nearby,
        back,
    })?;
    if has_photos {
        let policy = HeaderValue::from_static(POLICY_WITH_SCRIPTS);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}

/// A letting and its breadcrumb trail as schema.org structured data.
fn structured_data(
    site: &Site,
    path: &str,
    letting: &Letting,
    address: &Address,
    photos: &[Photo],
) -> Value {
    let pets = matches!(&*letting.pets, "yes" | "no").then_some(letting.pets == "yes");
    let images = photos.iter().map(|photo| site.url(&photo.path(WIDTHS[2])));
    let features = letting.offers().into_iter().flat_map(|(_, labels)| labels);
    let features = features.map(
        |name| json!({ "@type": "LocationFeatureSpecification", "name": name, "value": true }),
    );
    let accommodation = json!({
        "@type": "Accommodation",
        "name": letting.title,
        "url": site.url(path),
        "description": letting.summary,
        "image": images.collect::<Vec<_>>(),
        "address": {
            "@type": "PostalAddress",
            "streetAddress": letting.street_line(address),
            "addressLocality": address.city,
            "addressRegion": address.state,
            "postalCode": address.zip(),
            "addressCountry": country::alpha2(&address.country_iso_code)
                .unwrap_or(&address.country_iso_code),
        },
        "occupancy": letting.sleeps
            .map(|guests| json!({ "@type": "QuantitativeValue", "maxValue": guests })),
        "numberOfBedrooms": letting.bedrooms,
        "petsAllowed": pets,
        "amenityFeature": features.collect::<Vec<_>>(),
    });
    let trail = [("Home", "/"), ("Lettings", PATH), (&letting.title, path)];
    let items = trail.iter().zip(1..).map(|((name, path), position)| {
        json!({ "@type": "ListItem", "position": position, "name": name, "item": site.url(path) })
    });
    let breadcrumbs =
        json!({ "@type": "BreadcrumbList", "itemListElement": items.collect::<Vec<_>>() });
    let mut graph =
        json!({ "@context": "https://schema.org", "@graph": [accommodation, breadcrumbs] });
    remove_empty(&mut graph);
    graph
}

/// Removes members that are null, or an empty text or list.
fn remove_empty(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(remove_empty),
        Value::Object(members) => members.retain(|_, member| {
            remove_empty(member);
            !member.is_null() && member != "" && member != &json!([])
        }),
        _ => {}
    }
}
