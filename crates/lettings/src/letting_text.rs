//! Public text of a letting. Facts without a value are left out.

use crate::address::Address;
use crate::facts::{Currency, FEATURES, PETS, halves, label};
use crate::letting::Letting;

impl Letting {
    /// Guests, bedrooms, bathrooms and pets.
    pub fn facts(&self) -> Vec<String> {
        let bathrooms = self.half_bathrooms.map(|number| match number {
            2 => "1 bathroom".to_owned(),
            _ => format!("{} bathrooms", halves(number)),
        });
        let pets = Some(label(PETS, &self.pets).to_owned()).filter(|pets| !pets.is_empty());
        capacity(self.sleeps, self.bedrooms)
            .into_iter()
            .chain(bathrooms)
            .chain(pets)
            .collect()
    }

    /// The price: `from $240 a night`.
    pub fn price(&self, currency: &Currency) -> Option<String> {
        price(currency, self.price_from, &self.price_per)
    }

    /// The minimum stay: `at least 3 nights`.
    pub fn minimum_stay(&self) -> Option<String> {
        self.min_nights.map(|nights| match nights {
            1 => "at least 1 night".to_owned(),
            _ => format!("at least {nights} nights"),
        })
    }

    /// Labels of the features, in their groups with a heading.
    pub fn offers(&self) -> Vec<(&'static str, Vec<&'static str>)> {
        let own: Vec<&str> = self.features.split_whitespace().collect();
        let groups = FEATURES.iter().map(|(heading, features)| {
            let offered = features.iter().filter(|(value, _)| own.contains(value));
            (
                *heading,
                offered.map(|(_, label)| *label).collect::<Vec<_>>(),
            )
        });
        groups.filter(|(_, offered)| !offered.is_empty()).collect()
    }

    /// The paragraphs of the description.
    pub fn paragraphs(&self) -> Vec<String> {
        let paragraphs = self.description.split("\n\n");
        paragraphs
            .filter(|paragraph| !paragraph.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// The first line of its address, if the public sees it.
    pub fn street_line(&self, address: &Address) -> Option<String> {
        self.address_shown.then(|| address.line())
    }

    /// The lines of its address that the public sees.
    pub fn address_lines(&self, address: &Address) -> Vec<String> {
        let others = [address.town_line(), address.country_iso_code.clone()];
        self.street_line(address)
            .into_iter()
            .chain(others)
            .collect()
    }

    /// The lines of its address that the public sees, without the country, on one line.
    pub fn place(&self, address: &Address) -> String {
        if self.address_shown {
            address.in_one_line()
        } else {
            address.town_line()
        }
    }
}

/// Guests and bedrooms: `Sleeps 6`, `3 bedrooms`.
pub(crate) fn capacity(sleeps: Option<i32>, bedrooms: Option<i32>) -> Vec<String> {
    let sleeps = sleeps.map(|guests| format!("Sleeps {guests}"));
    let bedrooms = bedrooms.map(|bedrooms| match bedrooms {
        0 => "Studio".to_owned(),
        1 => "1 bedroom".to_owned(),
        _ => format!("{bedrooms} bedrooms"),
    });
    sleeps.into_iter().chain(bedrooms).collect()
}

/// The price: `from $240 a night`.
pub(crate) fn price(currency: &Currency, from: Option<i32>, per: &str) -> Option<String> {
    let price = currency.amount(from?);
    Some(format!("from {price} a {per}"))
}

#[cfg(test)]
mod tests {
    use oc_core::search::SearchTerms;
    use oc_core::testing::on_both;

    use super::*;
    use crate::facts::DRAFT;
    use crate::filter::LettingFilter;
    use crate::letting_draft::LettingDraft;
    use crate::listed_letting::ListedLetting;
    use crate::testing::{address, insert_letting, letting_draft};
    use crate::town::Town;

    #[test]
    fn visitors_read_the_facts_that_exist() -> anyhow::Result<()> {
        on_both(|conn| {
            let text = str::to_owned;
            let address_id = address(conn, "Gull Lane", "Brea", "CA")?;
            let draft = LettingDraft {
                sleeps: text("6"),
                bedrooms: text("0"),
                bathrooms: text("1.5"),
                price_from: text("240"),
                min_nights: text("3"),
                pets: text("request"),
                features: ["pool", "wifi"].map(text).into(),
                description: text("One.\n\nTwo."),
                address_shown: false,
                ..letting_draft("Flat", address_id)
            };
            let id = insert_letting(conn, &draft)?;
            let (letting, address) = Letting::with_address(conn, id)?;
            let dollars: Currency = "USD".parse().expect("a code");

            assert_eq!(
                letting.facts(),
                ["Sleeps 6", "Studio", "1.5 bathrooms", "Pets on request"]
            );
            assert_eq!(
                letting.price(&dollars).as_deref(),
                Some("from $240 a night")
            );
            assert_eq!(letting.minimum_stay().as_deref(), Some("at least 3 nights"));
            assert_eq!(
                letting.offers(),
                [("Inside", vec!["Wifi"]), ("Outside", vec!["Pool"])]
            );
            assert_eq!(letting.paragraphs(), ["One.", "Two."]);
            assert_eq!(letting.street_line(&address), None);
            assert_eq!(letting.place(&address), "Brea, CA 92651");
            assert!("usd".parse::<Currency>().is_err());
            Ok(())
        })
    }

    #[test]
    fn drafts_and_hidden_streets_are_nowhere() -> anyhow::Result<()> {
        on_both(|conn| {
            let address_id = address(conn, "Gull Lane", "Brea", "CA")?;
            let shown = LettingDraft {
                summary: "By the pier".to_owned(),
                address_shown: false,
                ..letting_draft("Flat", address_id)
            };
            insert_letting(conn, &shown)?;
            let address_id = address(conn, "Gull Lane", "Tustin", "CA")?;
            let draft = LettingDraft {
                status: DRAFT.to_owned(),
                ..letting_draft("Draft", address_id)
            };
            let id = insert_letting(conn, &draft)?;
            let mut found = |words: &str| -> diesel::QueryResult<i64> {
                let filter = LettingFilter {
                    terms: SearchTerms::parse(words),
                    ..LettingFilter::default()
                };
                Ok(ListedLetting::page(conn, &filter, 1)?
                    .expect("there is a first page")
                    .total)
            };

            assert_eq!((found("pier")?, found("gull")?, found("draft")?), (1, 0, 0));
            assert_eq!(Letting::count(conn)?, 1);
            assert_eq!(Town::all(conn)?.len(), 1);
            assert_eq!(
                Letting::newest(conn, &LettingFilter::default(), 9)?.len(),
                1
            );
            assert_eq!(Letting::changes(conn, 0, 9)?.len(), 1);
            assert!(Letting::with_address(conn, id).is_err());
            Ok(())
        })
    }
}
