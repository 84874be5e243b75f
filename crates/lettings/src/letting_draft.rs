//! Validation of lettings.

use diesel::prelude::*;
use oc_core::validation::{Checker, FieldError};
use serde::{Deserialize, Deserializer};

use crate::facts::{
    FEATURES, KINDS, LONGEST_DESCRIPTION, LONGEST_PERMIT, LONGEST_SUMMARY, MAX_BATHROOMS,
    MAX_BEDROOMS, MAX_MIN_NIGHTS, MAX_PRICE, MAX_SLEEPS, PETS, PRICE_UNITS, PUBLISHED, STATUSES,
};
use crate::schema::lettings;

/// Maximum length of a title, in characters.
pub(crate) const LONGEST_TITLE: usize = 256;

/// Unvalidated letting. By default it is published, and has no facts. The demo data is read as drafts.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields of the stored row, as typed")]
pub struct LettingDraft {
    pub title: String,
    pub address_id: i64,
    pub status: String,
    pub summary: String,
    pub description: String,
    pub kind: String,
    pub sleeps: String,
    pub bedrooms: String,
    pub bathrooms: String,
    pub price_from: String,
    pub price_per: String,
    pub min_nights: String,
    pub pets: String,
    #[serde(deserialize_with = "split_words")]
    pub features: Vec<String>,
    pub permit: String,
    pub host_id: Option<i64>,
    pub address_shown: bool,
}

/// Several words in one field of a CSV file.
fn split_words<'de, D: Deserializer<'de>>(field: D) -> Result<Vec<String>, D::Error> {
    let words = String::deserialize(field)?;
    Ok(words.split_whitespace().map(str::to_owned).collect())
}

impl Default for LettingDraft {
    fn default() -> Self {
        Self {
            title: String::new(),
            address_id: 0,
            status: PUBLISHED.to_owned(),
            summary: String::new(),
            description: String::new(),
            kind: String::new(),
            sleeps: String::new(),
            bedrooms: String::new(),
            bathrooms: String::new(),
            price_from: String::new(),
            price_per: PRICE_UNITS[0].0.to_owned(),
            min_nights: String::new(),
            pets: String::new(),
            features: Vec::new(),
            permit: String::new(),
            host_id: None,
            address_shown: true,
        }
    }
}

/// Valid letting; only [`LettingDraft::check`] and the database create one. The database checks that the address exists
/// and has no other letting, and that the host exists.
#[derive(Debug, Clone, PartialEq, Eq, Insertable, AsChangeset, Queryable, Selectable)]
#[diesel(table_name = lettings, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct NewLetting {
    title: String,
    pub(crate) address_id: i64,
    status: String,
    summary: String,
    description: String,
    kind: String,
    sleeps: Option<i32>,
    bedrooms: Option<i32>,
    half_bathrooms: Option<i32>,
    price_from: Option<i32>,
    price_per: String,
    min_nights: Option<i32>,
    pets: String,
    features: String,
    permit: String,
    pub(crate) host_id: Option<i64>,
    address_shown: bool,
}

impl LettingDraft {
    /// Validates the draft; the only way to get a new [`NewLetting`].
    pub fn check(&self) -> Result<NewLetting, Vec<FieldError>> {
        let mut checker = Checker::default();
        let mut whole = |name, label, typed: &str, min, max| {
            checker.optional_whole(name, label, typed, min, max)
        };
        let sleeps = whole("sleeps", "Sleeps", &self.sleeps, 1, MAX_SLEEPS);
        let bedrooms = whole("bedrooms", "Bedrooms", &self.bedrooms, 0, MAX_BEDROOMS);
        let price_from = whole("price_from", "Price from", &self.price_from, 1, MAX_PRICE);
        let min_nights = whole(
            "min_nights",
            "Minimum stay",
            &self.min_nights,
            1,
            MAX_MIN_NIGHTS,
        );
        let mut one_of =
            |name, label, typed: &str, choices| checker.one_of(name, label, typed, choices);
        let status = one_of("status", "Status", &self.status, STATUSES);
        let kind = one_of("kind", "Type", &self.kind, KINDS);
        let price_per = one_of("price_per", "Per", &self.price_per, PRICE_UNITS);
        let pets = one_of("pets", "Pets", &self.pets, PETS);
        let features = FEATURES.iter().flat_map(|(_, features)| features.iter());
        let letting = NewLetting {
            title: checker.text("title", "Title", &self.title, 1, LONGEST_TITLE),
            address_id: self.address_id,
            status,
            summary: checker.text("summary", "Summary", &self.summary, 0, LONGEST_SUMMARY),
            description: checker.paragraphs(
                "description",
                "Description",
                &self.description,
                LONGEST_DESCRIPTION,
            ),
            kind,
            sleeps,
            bedrooms,
            half_bathrooms: checker.halves(
                "bathrooms",
                "Bathrooms",
                &self.bathrooms,
                MAX_BATHROOMS,
            ),
            price_from,
            price_per,
            min_nights,
            pets,
            features: checker.any_of("features", "Features", &self.features, features),
            permit: checker.text("permit", "Permit number", &self.permit, 0, LONGEST_PERMIT),
            host_id: self.host_id,
            address_shown: self.address_shown,
        };
        checker.finish(letting)
    }
}

#[cfg(test)]
mod tests {
    use diesel::result::{DatabaseErrorKind, Error};
    use oc_core::testing::on_both;

    use super::*;
    use crate::letting::Letting;
    use crate::testing::{address, letting_draft};

    #[test]
    fn a_draft_without_facts_is_published_and_shows_its_address() {
        let letting = letting_draft("Flat", 1)
            .check()
            .expect("the fixture is valid");

        assert_eq!(
            (letting.status.as_str(), letting.address_shown),
            ("published", true)
        );
        assert_eq!((letting.sleeps, letting.host_id), (None, None));
    }

    #[test]
    fn errors_name_the_fields() {
        let draft = LettingDraft {
            status: String::new(),
            summary: "s".repeat(161),
            description: "d".repeat(5001),
            kind: "castle".to_owned(),
            sleeps: "0".to_owned(),
            bedrooms: "21".to_owned(),
            bathrooms: "1.2".to_owned(),
            price_from: "-5".to_owned(),
            price_per: "month".to_owned(),
            min_nights: "two".to_owned(),
            pets: "cats".to_owned(),
            features: vec!["moat".to_owned()],
            permit: "p".repeat(41),
            ..letting_draft("", 1)
        };

        let mut errors: Vec<_> = draft
            .check()
            .unwrap_err()
            .iter()
            .map(ToString::to_string)
            .collect();
        errors.sort_unstable();
        assert_eq!(
            errors,
            [
                "Bathrooms must be between 0.5 and 20, in halves.",
                "Bedrooms must be between 0 and 20.",
                "Description must be 5000 characters or fewer; you entered 5001.",
                "Features: select a valid choice.",
                "Minimum stay must be a whole number.",
                "Per: select a valid choice.",
                "Permit number must be 40 characters or fewer; you entered 41.",
                "Pets: select a valid choice.",
                "Price from must be between 1 and 99999.",
                "Sleeps must be between 1 and 30.",
                "Status: select a valid choice.",
                "Summary must be 160 characters or fewer; you entered 161.",
                "Title is required.",
                "Type: select a valid choice.",
            ]
        );
    }

    #[test]
    fn the_database_rejects_what_the_form_rejects() -> anyhow::Result<()> {
        let broken: [fn(&mut NewLetting); 14] = [
            |letting| letting.title.clear(),
            |letting| letting.status.clear(),
            |letting| letting.summary = "s".repeat(161),
            |letting| letting.description = "d".repeat(5001),
            |letting| "castle".clone_into(&mut letting.kind),
            |letting| letting.sleeps = Some(0),
            |letting| letting.bedrooms = Some(21),
            |letting| letting.half_bathrooms = Some(41),
            |letting| letting.price_from = Some(100_000),
            |letting| letting.price_per.clear(),
            |letting| letting.min_nights = Some(366),
            |letting| "cats".clone_into(&mut letting.pets),
            |letting| "wifi moat".clone_into(&mut letting.features),
            |letting| letting.permit = "p".repeat(41),
        ];
        let every = FEATURES.iter().flat_map(|(_, features)| features.iter());
        let draft = |address_id| LettingDraft {
            features: every
                .clone()
                .map(|(value, _)| (*value).to_owned())
                .collect(),
            ..letting_draft("Flat", address_id)
        };

        on_both(|conn| {
            let good = draft(address(conn, "Gull Lane", "Brea", "CA")?);
            let good = good.check().expect("the draft keeps the rules");
            for break_rule in broken {
                let mut letting = good.clone();
                break_rule(&mut letting);
                let refused = Letting::insert(conn, &letting);

                let kind = match &refused {
                    Err(Error::DatabaseError(kind, _)) => Some(kind),
                    _ => None,
                };
                assert!(
                    matches!(kind, Some(DatabaseErrorKind::CheckViolation)),
                    "{letting:?}: {refused:?}"
                );
            }
            Letting::insert(conn, &good)?;
            Ok(())
        })
    }
}
