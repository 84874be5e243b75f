//! A letting as a card in a list.

use actix_web::web::Data;
use diesel::QueryResult;
use lettings::facts::Currency;
use lettings::{ListedLetting, Photo};
use oc_core::DbConnection;
use oc_http::{Db, Pages, Site};
use serde::Serialize;

use crate::photo_view::PhotoView;
use crate::picture;

/// The shared state of pages with cards.
pub(crate) type CardData = (Data<Db>, Data<Pages>, Data<Site>, Data<Currency>);

/// A letting as a card in a list.
#[derive(Debug, Serialize)]
pub(crate) struct Card {
    id: i64,
    title: String,
    pub(crate) href: String,
    city: String,
    state: String,
    /// `Sleeps 6 · 3 bedrooms`; may be empty.
    capacity: String,
    price: Option<String>,
    /// The drawing for lettings without a cover.
    picture: &'static str,
    cover: Option<PhotoView>,
}

impl Card {
    fn new(letting: ListedLetting, cover: Option<Photo>, currency: &Currency) -> Self {
        Self {
            id: letting.id,
            capacity: letting.capacity().join(" · "),
            price: letting.price(currency),
            title: letting.title,
            href: path(letting.id),
            picture: picture::of(&letting.city),
            city: letting.city,
            state: letting.state,
            cover: cover.map(PhotoView::from),
        }
    }
}

/// Cards for a list of lettings, with their covers.
pub(crate) fn cards(
    conn: &mut DbConnection,
    lettings: Vec<ListedLetting>,
    currency: &Currency,
) -> QueryResult<Vec<Card>> {
    let ids: Vec<i64> = lettings.iter().map(|letting| letting.id).collect();
    let mut covers = Photo::covers(conn, &ids)?;
    let card = |letting: ListedLetting| {
        let cover = covers.remove(&letting.id);
        Card::new(letting, cover, currency)
    };
    Ok(lettings.into_iter().map(card).collect())
}

/// The path of a letting's page.
pub(crate) fn path(id: i64) -> String {
    format!("/lettings/{id}/")
}
