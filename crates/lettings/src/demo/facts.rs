//! Facts of the demo lettings.

use crate::letting_draft::LettingDraft;

/// Number of demo lettings with facts. The others are bare, as after an import.
pub(super) const COUNT: i64 = 24;

/// The facts of the letting at an index (from 0).
pub(super) fn facts(index: i64) -> LettingDraft {
    let own = usize::try_from(index).ok().and_then(|index| FACTS.get(index));
    let Some([kind, sleeps, bedrooms, bathrooms, price_from, price_per, min_nights, pets, features, summary, description]) = own
    else {
        return LettingDraft::default();
    };
    let text = |text: &&str| (*text).to_owned();
    LettingDraft {
        kind: text(kind),
        sleeps: text(sleeps),
        bedrooms: text(bedrooms),
        bathrooms: text(bathrooms),
        price_from: text(price_from),
        price_per: text(price_per),
        min_nights: text(min_nights),
        pets: text(pets),
        features: features.split_whitespace().map(str::to_owned).collect(),
        summary: text(summary),
        description: text(description),
        permit: format!("STR-{:04}", 1101 + 37 * index),
        ..LettingDraft::default()
    }
}

/// Type, guests, bedrooms, bathrooms, price, its unit, minimum stay, pets, features, summary, description.
const FACTS: [[&str; 11]; 24] = [
    ["cottage", "4", "2", "1", "185", "night", "3", "request", "wifi heating kitchen tv garden barbecue sea_view beach", "A shingled cottage two minutes from the sand.", "Wake up to the sound of the surf. The kitchen opens onto a small garden with a table for six.\n\nThe beach is at the end of the lane, and the shops of the village are a ten-minute walk away."],
    ["apartment", "2", "1", "1", "160", "night", "2", "no", "wifi air_conditioning kitchen tv workspace balcony sea_view beach", "A bright loft above the old planks, with the pier in full view.", "One large room with a gallery for the bed, and a balcony for the evening.\n\nThe pier, the surf shops and the bakery are downstairs."],
    ["house", "8", "4", "2.5", "2450", "week", "7", "no", "wifi heating kitchen dishwasher washing_machine dryer tv parking hot_tub balcony sea_view", "A captain's house above the harbor, for the whole family.", "Four bedrooms on two floors, each with a view of the boats.\n\nThe lantern on the roof has a window seat for two."],
    ["cottage", "4", "2", "1", "140", "night", "2", "yes", "wifi air_conditioning kitchen washing_machine parking garden barbecue cot_and_high_chair", "A bungalow between orange trees, near Old Towne.", "The trees bloom in April, and you may pick what you eat.\n\nThe circle with its cafés is five minutes away on foot."],
    ["house", "6", "3", "2", "295", "night", "3", "request", "wifi heating kitchen dishwasher washing_machine tv parking balcony barbecue sea_view beach", "Three bedrooms right on the sand, with a deck to watch the terns.", "Rinse off under the outdoor shower, then light the barbecue.\n\nThere are boards and buckets for everyone."],
    ["cottage", "3", "1", "1", "", "night", "", "no", "wifi air_conditioning kitchen garden", "A small adobe house beside the mission garden.", ""],
    ["apartment", "4", "2", "2", "310", "night", "4", "no", "wifi air_conditioning heating kitchen dishwasher washing_machine dryer tv workspace parking balcony sea_view", "Two bedrooms and a long balcony over the harbor.", "The ferry to the island leaves from the corner.\n\nThe desk in the second bedroom faces the water."],
    ["cabin", "4", "2", "1", "120", "night", "2", "yes", "heating kitchen parking garden barbecue", "A cabin under old oaks, quiet enough to hear owls.", "There is no television, and hardly any signal.\n\nTrails start at the gate."],
    ["studio", "2", "0", "1", "130", "night", "2", "no", "wifi kitchen tv balcony sea_view step_free", "A studio on the bluff, with the whole ocean in the window.", "Everything is in one room, and the room is mostly window."],
    ["cottage", "5", "2", "1", "175", "night", "3", "yes", "wifi kitchen tv parking barbecue beach", "A surf shack with room for boards and friends.", "Sand is welcome inside. The rack on the porch holds eight boards."],
    ["room", "2", "1", "1", "95", "night", "1", "no", "wifi heating workspace garden sea_view", "A guest room in an artist's house, above the cove.", "Breakfast is not included, but coffee is."],
    ["apartment", "4", "2", "1.5", "225", "night", "2", "request", "wifi air_conditioning heating kitchen tv parking ev_charger balcony sea_view", "A deckhouse at the marina, with a charger for your car.", "Watch the boats come in from the deck."],
    ["house", "6", "3", "2", "210", "night", "3", "no", "wifi air_conditioning kitchen dishwasher washing_machine dryer tv workspace parking pool garden cot_and_high_chair", "A family house on the greenbelt, with a pool down the path.", "The pool is shared with the neighbors and heated in winter."],
    ["apartment", "2", "1", "1", "110", "night", "2", "no", "wifi air_conditioning kitchen tv workspace step_free", "A flat in the old depot quarter, on the ground floor.", ""],
    ["villa", "8", "4", "3.5", "3400", "week", "7", "no", "wifi air_conditioning heating kitchen dishwasher washing_machine dryer tv parking pool hot_tub balcony barbecue sea_view beach", "A villa above the beach, with a pool that seems to end in the sea.", "Four bedrooms, each with a bathroom of its own.\n\nA path with 61 steps leads to the sand."],
    ["house", "10", "5", "3", "390", "night", "4", "request", "wifi air_conditioning heating kitchen dishwasher washing_machine dryer tv parking pool garden barbecue cot_and_high_chair", "Five bedrooms and four palms, made for large families.", "The long table seats twelve.\n\nThe fairgrounds and the beach are both a short drive away."],
    ["apartment", "4", "2", "2", "265", "night", "3", "no", "wifi heating kitchen dishwasher tv parking balcony sea_view beach", "A terrace above the tide pools of Little Corona.", "At low tide the children will not come back in."],
    ["apartment", "5", "2", "1", "", "week", "", "no", "wifi air_conditioning kitchen tv parking pool step_free cot_and_high_chair", "Close to the parks, with a pool for the afternoon.", "Pool in the court, fireworks from the window."],
    ["house", "6", "3", "2.5", "1850", "week", "7", "request", "wifi air_conditioning heating kitchen dishwasher washing_machine dryer tv workspace parking garden barbecue", "A quiet house on the lagoon, with herons for neighbors.", "A path goes all around the water."],
    ["house", "7", "4", "2", "230", "night", "3", "yes", "wifi heating kitchen washing_machine tv parking garden barbecue", "A porch with rocking chairs, and four bedrooms behind it.", "Built in 1911, and kept as it was, except for the kitchen."],
    ["apartment", "4", "2", "1", "195", "night", "2", "no", "wifi kitchen washing_machine tv balcony beach", "Half of a beach house, and the better half.", ""],
    ["house", "5", "3", "2", "205", "night", "2", "yes", "wifi air_conditioning kitchen dishwasher tv parking garden barbecue", "A house under willows, with a jetty and a rowing boat.", "The boat is yours for the stay."],
    ["cabin", "2", "1", "1", "150", "night", "2", "yes", "heating kitchen parking hot_tub garden barbecue", "A retreat on the ridge, where the road ends.", "Bring food: the last shop is eleven miles back."],
    ["house", "6", "3", "3", "420", "night", "5", "no", "wifi air_conditioning heating kitchen dishwasher washing_machine dryer tv parking balcony sea_view beach step_free", "A boathouse on the island, with its own dock.", "Arrive by car or by boat."],
];
