//! Photos of the demo lettings: drawings, in three widths each.

use std::ops::Range;

use oc_core::DbConnection;

use crate::photo::{Photo, PhotoDraft, PhotoError};
use crate::photo_file::PhotoFile;

/// Width, height and content of a file.
type DemoFile = (i32, i32, &'static [u8]);

/// The files of a drawing.
macro_rules! files {
    ($name:literal) => {
        [
            (
                480,
                320,
                include_bytes!(concat!("../../demo-photos/", $name, "-480.webp")) as &[u8],
            ),
            (
                960,
                640,
                include_bytes!(concat!("../../demo-photos/", $name, "-960.webp")),
            ),
            (
                1600,
                1067,
                include_bytes!(concat!("../../demo-photos/", $name, "-1600.webp")),
            ),
        ]
    };
}

/// Index of the letting, description, and files.
const PHOTOS: [(i64, &str, [DemoFile; 3]); 29] = [
    (
        0,
        "Living room with a cream sofa under a window onto the cove",
        files!("saltwater-cottage-1"),
    ),
    (
        0,
        "Deck with two deck chairs and a parasol above the beach",
        files!("saltwater-cottage-2"),
    ),
    (
        0,
        "Bedroom with a double bed and a window onto the sea",
        files!("saltwater-cottage-3"),
    ),
    (
        0,
        "Kitchen with an island, open shelves and a view of the cove",
        files!("saltwater-cottage-4"),
    ),
    (
        1,
        "Roof deck with string lights, facing the pier at sunset",
        files!("pier-view-loft-2"),
    ),
    (
        1,
        "Living room with a purple sofa and a wide view of the pier at sunset",
        files!("pier-view-loft-1"),
    ),
    (
        1,
        "Bedroom with a lilac quilt and a view of the pier",
        files!("pier-view-loft-3"),
    ),
    (
        1,
        "Bathroom with a freestanding tub below the window",
        files!("pier-view-loft-4"),
    ),
    (
        3,
        "Garden with deck chairs, cactus and the grove behind the hedge",
        files!("orange-blossom-2"),
    ),
    (
        3,
        "Living room with a green sofa and an arched window onto the orange grove",
        files!("orange-blossom-1"),
    ),
    (
        3,
        "Bedroom with a yellow quilt and a view of the mountains",
        files!("orange-blossom-3"),
    ),
    (
        3,
        "Kitchen in green and cream with two stools at the island",
        files!("orange-blossom-4"),
    ),
    (
        5,
        "Living room in warm earth colors with an arched window",
        files!("mission-garden-1"),
    ),
    (
        5,
        "Garden with a path, flowering hedges and a view of the mission",
        files!("mission-garden-2"),
    ),
    (
        5,
        "Bedroom with a terracotta quilt and two framed prints",
        files!("mission-garden-3"),
    ),
    (
        22,
        "Terrace with a parasol above the canyon",
        files!("ridge-trail-retreat-2"),
    ),
    (
        22,
        "Living room with a green sofa and the canyon at sunset",
        files!("ridge-trail-retreat-1"),
    ),
    (
        22,
        "Bedroom with a red quilt and a window onto the canyon",
        files!("ridge-trail-retreat-3"),
    ),
    (
        23,
        "Living room with a navy sofa and a wide view of the harbor",
        files!("boathouse-1"),
    ),
    (
        23,
        "Deck with deck chairs right above the boats",
        files!("boathouse-2"),
    ),
    (
        23,
        "Bedroom with a navy quilt and a window onto the water",
        files!("boathouse-3"),
    ),
    (
        23,
        "Kitchen in navy with brass pendant lamps",
        files!("boathouse-4"),
    ),
    (
        25,
        "Living room with red curtains and the lighthouse in the window",
        files!("whale-watch-villa-1"),
    ),
    (
        25,
        "Terrace at night with string lights and the lighthouse beam",
        files!("whale-watch-villa-2"),
    ),
    (
        25,
        "Bedroom with a blue quilt and a round window",
        files!("whale-watch-villa-3"),
    ),
    (
        26,
        "Deck above the surf with two deck chairs",
        files!("morning-swell-2"),
    ),
    (
        26,
        "Living room with a glass door to the beach and surfboards outside",
        files!("morning-swell-1"),
    ),
    (
        26,
        "Bedroom with a coral quilt and an arched window onto the waves",
        files!("morning-swell-3"),
    ),
    (
        26,
        "Bathroom with a tub, green tiles and a sea view",
        files!("morning-swell-4"),
    ),
];

/// Adds the photos of the lettings with these indexes. Requires a transaction.
pub(super) fn insert(conn: &mut DbConnection, lettings: &Range<i64>) -> Result<(), PhotoError> {
    for (index, alt, files) in PHOTOS.iter().filter(|photo| lettings.contains(&photo.0)) {
        let files = files.map(|(width, height, bytes)| (width, height, bytes.to_vec()));
        let file = PhotoFile::from_webp(files);
        file.store(conn)?;
        let draft = PhotoDraft {
            letting_id: index + 1,
            sha256: file.sha256,
            alt: (*alt).to_owned(),
            ..PhotoDraft::default()
        };
        if let Ok(photo) = draft.check() {
            Photo::insert(conn, &photo)?;
        }
    }
    Ok(())
}
