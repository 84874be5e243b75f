//! The list of profiles, and one profile.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use lettings::{Letting, LettingQuery, Town};
use oc_http::{Db, Head, Page, PageError, Pages, Site};
use profiles::{PublicProfile, public_path};
use serde::Serialize;

use crate::card::{Card, CardData, cards};
use crate::listing::Search;
use oc_http::{PageLinks, found};

const PATH: &str = "/profiles/";
/// The most lettings of a host on a profile.
const HOSTED: i64 = 100;

#[derive(Serialize)]
struct IndexPage {
    head: Head,
    profiles: Vec<Entry>,
    query: LettingQuery,
    found: String,
    searched: String,
    filtered: bool,
    pager: PageLinks,
    clear: &'static str,
}

impl Page for IndexPage {
    const TEMPLATE: &'static str = "profiles/index.html";
}

#[derive(Serialize)]
struct Entry {
    username: String,
    href: String,
    name: String,
    favorite_city: String,
    initials: String,
}

impl From<PublicProfile> for Entry {
    fn from(profile: PublicProfile) -> Self {
        Self {
            href: public_path(&profile.username),
            name: format!("{} {}", profile.first_name, profile.last_name)
                .trim()
                .to_owned(),
            initials: profile.initials(),
            username: profile.username,
            favorite_city: profile.favorite_city,
        }
    }
}

/// The list, searched and paginated.
pub(crate) async fn index(
    db: Data<Db>,
    pages: Data<Pages>,
    site: Data<Site>,
    Search(query): Search,
) -> Result<HttpResponse, PageError> {
    // City, state and order don't apply to profiles.
    let query = LettingQuery {
        q: query.q,
        page: query.page,
        ..LettingQuery::default()
    };
    let (words, number) = (query.words(), query.page.ok_or(PageError::NotFound)?);
    let filtered = query.is_filtered();
    let (page, all) = db
        .read(move |conn| {
            let page = PublicProfile::page(conn, &words, number)?.ok_or(PageError::NotFound)?;
            let all = if filtered {
                Some(PublicProfile::count(conn)?)
            } else {
                None
            };
            Ok((page, all))
        })
        .await?;
    let searched = query.searched();
    let description = "The people of Holiday Homes and their favorite towns.";
    let head = Head::new(
        &site,
        "profiles",
        &query.href(PATH, number),
        &query.title("Profiles"),
        description,
    )
    .noindex(filtered);
    pages.render(&IndexPage {
        head,
        found: found(page.total, all, "profile", "profiles"),
        searched,
        filtered,
        pager: PageLinks::new(page.number, page.count, |number| query.href(PATH, number)),
        profiles: page.rows.into_iter().map(Entry::from).collect(),
        query,
        clear: PATH,
    })
}

#[derive(Serialize)]
struct ShowPage {
    head: Head,
    profile: ProfileView,
    hosted: Vec<Card>,
}

impl Page for ShowPage {
    const TEMPLATE: &'static str = "profiles/show.html";
}

#[derive(Serialize)]
struct ProfileView {
    initials: String,
    username: String,
    first_name: String,
    last_name: String,
    favorite_city: String,
    email: Option<String>,
    city_href: Option<String>,
}

/// One profile.
pub(crate) async fn show(
    (db, pages, site, currency): CardData,
    username: Path<String>,
) -> Result<HttpResponse, PageError> {
    let username = username.into_inner();
    if username.contains('\0') {
        // No username contains NUL, and PostgreSQL would reject it.
        return Err(PageError::NotFound);
    }
    let (profile, offered, hosted) = db
        .read(move |conn| {
            let profile = PublicProfile::find(conn, &username)?;
            let offered = Town::is_offered(conn, &profile.favorite_city)?;
            let hosted = Letting::hosted_by(conn, profile.id, HOSTED)?;
            Ok((profile, offered, cards(conn, hosted, &currency)?))
        })
        .await?;
    let path = public_path(&profile.username);
    let description = format!("The profile of {} on Holiday Homes.", profile.username);
    let head = Head::new(&site, "profiles", &path, &profile.username, &description).kind("profile");
    let city = LettingQuery {
        city: profile.favorite_city.clone(),
        ..LettingQuery::default()
    };
    let profile = ProfileView {
        initials: profile.initials(),
        username: profile.username,
        first_name: profile.first_name,
        last_name: profile.last_name,
        favorite_city: profile.favorite_city,
        email: profile.email,
        city_href: offered.then(|| city.href("/lettings/", 1)),
    };
    pages.render(&ShowPage {
        head,
        profile,
        hosted,
    })
}
