//! Illustrations of cities.

/// Cities with an illustration that shows their kind of place.
const TOWNS: [(&str, &str); 24] = [
    ("Aliso Viejo", "scene-hills.svg"),
    ("Anaheim", "scene-grove.svg"),
    ("Brea", "scene-hills.svg"),
    ("Capistrano Beach", "scene-surf.svg"),
    ("Corona del Mar", "scene-cove.svg"),
    ("Costa Mesa", "scene-palms.svg"),
    ("Dana Point", "scene-lighthouse.svg"),
    ("Fullerton", "scene-mission.svg"),
    ("Huntington Beach", "scene-pier.svg"),
    ("Irvine", "scene-palms.svg"),
    ("Laguna Beach", "scene-cove.svg"),
    ("Laguna Niguel", "scene-lagoon.svg"),
    ("Lake Forest", "scene-lagoon.svg"),
    ("Newport Beach", "scene-harbor.svg"),
    ("Orange", "scene-grove.svg"),
    ("San Clemente", "scene-cliffs.svg"),
    ("San Juan Capistrano", "scene-mission.svg"),
    ("Santa Ana", "scene-palms.svg"),
    ("Seal Beach", "scene-surf.svg"),
    ("Silverado", "scene-canyon.svg"),
    ("Sunset Beach", "scene-surf.svg"),
    ("Trabuco Canyon", "scene-canyon.svg"),
    ("Tustin", "scene-grove.svg"),
    ("Yorba Linda", "scene-hills.svg"),
];

/// The illustration for a city: its own, or one chosen by its name.
pub(crate) fn of(city: &str) -> &'static str {
    let own = TOWNS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(city));
    own.map_or_else(
        || {
            let sum = city.bytes().fold(0_usize, |sum, byte| {
                sum.wrapping_mul(31).wrapping_add(byte.into())
            });
            TOWNS[sum % TOWNS.len()].1
        },
        |(_, picture)| picture,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded::Static;

    #[test]
    fn every_illustration_exists() {
        for (_, picture) in TOWNS {
            assert!(Static::get(picture).is_some(), "{picture}");
        }
    }

    #[test]
    fn a_city_without_an_illustration_always_gets_the_same_one() {
        assert_eq!(of("Huntington Beach"), "scene-pier.svg");
        assert_eq!(of("Brunswick"), of("Brunswick"));
    }
}
