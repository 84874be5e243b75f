//! The list of profiles, and one profile.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use lettings::{LettingQuery, ListedLetting, Town};
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
    profiles: Vec<ProfileView>,
    query: LettingQuery,
    found: String,
    pager: PageLinks,
}

impl Page for IndexPage {
    const TEMPLATE: &'static str = "profiles/index.html";
}

#[derive(Serialize)]
struct ProfileView {
    #[serde(flatten)]
    profile: PublicProfile,
    initials: String,
    href: String,
}

impl From<PublicProfile> for ProfileView {
    fn from(profile: PublicProfile) -> Self {
        Self {
            initials: profile.initials(),
            href: public_path(&profile.username),
            profile,
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
    let (path, title) = (query.href(PATH, number), query.title("Profiles"));
    let description = "The people of Holiday Homes and their favorite towns.";
    let mut head = Head::new(&site, &path, &title, description);
    head.noindex = filtered;
    pages.render(&IndexPage {
        head,
        found: found(page.total, all, "profile", "profiles"),
        pager: PageLinks::new(page.number, page.count, |number| query.href(PATH, number)),
        profiles: page.rows.into_iter().map(ProfileView::from).collect(),
        query,
    })
}

#[derive(Serialize)]
struct ShowPage {
    head: Head,
    profile: ProfileView,
    /// Link to the lettings in the favorite city, if there are any.
    city_href: Option<String>,
    hosted: Vec<Card>,
}

impl Page for ShowPage {
    const TEMPLATE: &'static str = "profiles/show.html";
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
            let hosted = ListedLetting::hosted_by(conn, profile.id, HOSTED)?;
            Ok((profile, offered, cards(conn, hosted, &currency)?))
        })
        .await?;
    let profile = ProfileView::from(profile);
    let (path, username) = (&profile.href, &profile.profile.username);
    let description = format!("The profile of {username} on Holiday Homes.");
    let mut head = Head::new(&site, path, username, &description);
    head.kind = "profile";
    let city = LettingQuery {
        city: profile.profile.favorite_city.clone(),
        ..LettingQuery::default()
    };
    pages.render(&ShowPage {
        head,
        profile,
        city_href: offered.then(|| city.href("/lettings/", 1)),
        hosted,
    })
}
