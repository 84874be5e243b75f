//! The Atom feed of the newest lettings (RFC 4287), of all or of a search.

use actix_web::HttpResponse;
use actix_web::web::Data;
use chrono::{NaiveDateTime, NaiveTime, SecondsFormat, Utc};
use lettings::{Letting, LettingQuery, Photo, WIDTHS};
use oc_http::{Db, Page, PageError, Pages, Site};
use serde::Serialize;

use crate::card;
use crate::listing::Search;

/// The number of lettings in a feed.
const ENTRIES: i64 = 24;

#[derive(Serialize)]
struct Feed {
    title: String,
    url: String,
    page: String,
    home: String,
    updated: String,
    entries: Vec<Entry>,
}

impl Page for Feed {
    const TEMPLATE: &'static str = "lettings/feed.xml";
    const CONTENT_TYPE: &'static str = "application/atom+xml; charset=utf-8";
}

#[derive(Serialize)]
struct Entry {
    title: String,
    url: String,
    published: String,
    updated: String,
    summary: String,
    /// The URL of the cover.
    cover: Option<String>,
}

/// The newest lettings that match the search.
pub(crate) async fn show(
    db: Data<Db>,
    pages: Data<Pages>,
    site: Data<Site>,
    Search(query): Search,
) -> Result<HttpResponse, PageError> {
    let query = LettingQuery {
        sort: String::new(),
        ..query
    };
    let filter = query.filter();
    let (rows, covers) = db
        .read(move |conn| {
            let rows = Letting::newest(conn, &filter, ENTRIES)?;
            let ids: Vec<i64> = rows.iter().map(|(letting, _)| letting.id).collect();
            Ok((rows, Photo::covers(conn, &ids)?))
        })
        .await?;
    let updated = rows.iter().map(|(letting, _)| letting.updated_at).max();
    let entries = rows.into_iter().map(|(letting, address)| Entry {
        title: xml_text(&letting.title),
        url: site.url(&card::path(letting.id)),
        cover: covers
            .get(&letting.id)
            .map(|cover| site.url(&cover.path(WIDTHS[2]))),
        published: timestamp(letting.created_at),
        updated: timestamp(letting.updated_at),
        summary: xml_text(&if letting.summary.is_empty() {
            letting.place(&address)
        } else {
            format!("{} – {}", letting.summary, letting.place(&address))
        }),
    });
    pages.render(&Feed {
        title: xml_text(format!("Newest lettings {}", query.searched()).trim_end()),
        url: site.url(&query.href("/lettings/feed/", 1)),
        page: site.url(&query.href("/lettings/", 1)),
        home: site.url("/"),
        // The element is mandatory. Midnight, so that the ETag of an empty feed doesn't change during a day.
        updated: timestamp(updated.unwrap_or(Utc::now().date_naive().and_time(NaiveTime::MIN))),
        entries: entries.collect(),
    })
}

/// Replaces characters that XML 1.0 doesn't allow, escaped or not.
fn xml_text(text: &str) -> String {
    let is_allowed = |c: char| {
        matches!(c, '\t' | '\n' | '\r') || (c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}'))
    };
    text.chars()
        .map(|c| if is_allowed(c) { c } else { '\u{fffd}' })
        .collect()
}

fn timestamp(time: NaiveDateTime) -> String {
    time.and_utc().to_rfc3339_opts(SecondsFormat::Secs, true)
}
