//! Photos of the demo lettings: drawings, in three widths each.

use std::ops::Range;
use std::sync::LazyLock;

use oc_core::DbConnection;
use pictures::Webp;
use rust_embed::RustEmbed;
use serde::Deserialize;

use super::data::read;
use crate::photo::{Photo, PhotoDraft, PhotoError};
use crate::photo_file::PhotoFile;

/// Width and height of each file of a drawing.
const SIZES: [(u32, u32); 3] = [(480, 320), (960, 640), (1600, 1067)];

#[derive(RustEmbed)]
#[folder = "demo-photos"]
struct Drawings;

/// Photo of a letting.
#[derive(Deserialize)]
struct DemoPhoto {
    /// Index of the letting, from 0.
    letting: i64,
    description: String,
    /// The start of its files' names.
    file: String,
}

static PHOTOS: LazyLock<Vec<DemoPhoto>> =
    LazyLock::new(|| read(include_str!("../../demo/photos.csv")));

/// Adds the photos of the lettings with these indexes. Requires a transaction.
pub(super) fn insert(conn: &mut DbConnection, lettings: &Range<i64>) -> Result<(), PhotoError> {
    for photo in PHOTOS
        .iter()
        .filter(|photo| lettings.contains(&photo.letting))
    {
        let files = SIZES.map(|(width, height)| {
            let name = format!("{}-{width}.webp", photo.file);
            let file = Drawings::get(&name).expect("the tests read every file");
            Webp {
                width,
                height,
                bytes: file.data.into_owned(),
            }
        });
        let file = PhotoFile::from_webp(files.into());
        file.store(conn)?;
        let draft = PhotoDraft {
            letting_id: photo.letting + 1,
            sha256: file.sha256,
            alt: photo.description.clone(),
            ..PhotoDraft::default()
        };
        let photo = draft.check().expect("the tests check every photo");
        Photo::insert(conn, &photo)?;
    }
    Ok(())
}
