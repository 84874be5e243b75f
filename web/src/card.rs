//! A letting as a card in a list.

use lettings::{Address, Letting};
use serde::Serialize;

use crate::picture;

/// A letting as a card in a list.
#[derive(Debug, Serialize)]
pub(crate) struct Card {
    id: i64,
    title: String,
    pub(crate) href: String,
    city: String,
    state: String,
    picture: &'static str,
}

impl From<(Letting, Address)> for Card {
    fn from((letting, address): (Letting, Address)) -> Self {
        Self {
            id: letting.id,
            title: letting.title,
            href: path(letting.id),
            picture: picture::of(&address.city),
            city: address.city,
            state: address.state,
        }
    }
}

/// Cards for a list of lettings.
pub(crate) fn cards(rows: Vec<(Letting, Address)>) -> Vec<Card> {
    rows.into_iter().map(Card::from).collect()
}

/// The path of a letting's page.
pub(crate) fn path(id: i64) -> String {
    format!("/lettings/{id}/")
}
