//! Files of photos: an uploaded picture becomes WebP in up to three widths, without metadata.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use diesel::sql_types::{Binary, Integer, Text};
use oc_core::DbConnection;
use pictures::{PictureError, Webp};
use sha2::{Digest, Sha256};

use crate::facts::PUBLISHED;
use crate::schema::{letting_photos, lettings, photo_files};

/// The widths of the addresses, ascending (pixels). The file at a width has that width, or that of the original if it is
/// narrower: nothing is enlarged.
pub const WIDTHS: [i32; 3] = [480, 960, 1600];

/// Below this width a photo looks blurred on a large screen (pixels).
pub const RECOMMENDED_WIDTH: i32 = 800;

/// How long the files of a deleted photo are kept.
const KEPT: TimeDelta = TimeDelta::days(30);

/// An uploaded picture, ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotoFile {
    /// The hash of all files (SHA-256), which identifies them.
    pub sha256: String,
    /// The files, narrowest first.
    files: Vec<Webp>,
}

impl PhotoFile {
    /// Converts an uploaded file; see [`pictures::convert`].
    pub fn convert(upload: &[u8]) -> Result<Self, PictureError> {
        let files = pictures::convert(upload, &WIDTHS.map(i32::unsigned_abs))?;
        Ok(Self::from_webp(files))
    }

    /// Takes files that are WebP already, narrowest first.
    pub(crate) fn from_webp(files: Vec<Webp>) -> Self {
        let mut hasher = Sha256::new();
        for file in &files {
            hasher.update(&file.bytes);
        }
        let sha256 = hex::encode(hasher.finalize());
        Self { sha256, files }
    }

    /// Width of the widest file (pixels).
    pub fn width(&self) -> i32 {
        self.files.last().map_or(0, |file| file.width.cast_signed())
    }

    /// Stores the files, unless they are stored already. Requires a transaction.
    pub fn store(&self, conn: &mut DbConnection) -> QueryResult<()> {
        for file in &self.files {
            diesel::sql_query(
                "INSERT INTO photo_files (sha256, width, height, bytes) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (sha256, width) DO NOTHING",
            )
            .bind::<Text, _>(&self.sha256)
            .bind::<Integer, _>(file.width.cast_signed())
            .bind::<Integer, _>(file.height.cast_signed())
            .bind::<Binary, _>(&file.bytes)
            .execute(conn)?;
        }
        Ok(())
    }

    /// Width and height of the widest file, if the files are stored.
    pub fn size(conn: &mut DbConnection, sha256: &str) -> QueryResult<Option<(i32, i32)>> {
        photo_files::table
            .filter(photo_files::sha256.eq(sha256))
            .select((photo_files::width, photo_files::height))
            .order(photo_files::width.desc())
            .first(conn)
            .optional()
    }

    /// The widest file that is not wider than this, whether or not it is public.
    pub fn read(conn: &mut DbConnection, sha256: &str, width: i32) -> QueryResult<Vec<u8>> {
        photo_files::table
            .filter(photo_files::sha256.eq(sha256))
            .filter(photo_files::width.le(width))
            .order(photo_files::width.desc())
            .select(photo_files::bytes)
            .first(conn)
    }

    /// As [`PhotoFile::read`], if a photo of a published letting has it and a description.
    pub fn read_public(conn: &mut DbConnection, sha256: &str, width: i32) -> QueryResult<Vec<u8>> {
        let is_public: bool = diesel::select(diesel::dsl::exists(
            letting_photos::table
                .inner_join(lettings::table)
                .filter(letting_photos::sha256.eq(sha256))
                .filter(letting_photos::alt.ne(""))
                .filter(lettings::status.eq(PUBLISHED)),
        ))
        .get_result(conn)?;
        if is_public {
            Self::read(conn, sha256, width)
        } else {
            Err(diesel::result::Error::NotFound)
        }
    }

    /// Deletes files that no photo has had for 30 days.
    pub fn delete_unused(conn: &mut DbConnection, now: NaiveDateTime) -> QueryResult<usize> {
        let used = letting_photos::table.filter(letting_photos::sha256.eq(photo_files::sha256));
        diesel::delete(
            photo_files::table
                .filter(photo_files::released_at.lt(now - KEPT))
                .filter(diesel::dsl::not(diesel::dsl::exists(used))),
        )
        .execute(conn)
    }
}

#[cfg(test)]
mod tests {
    use oc_core::testing::on_both;

    use super::*;
    use crate::photo::{Photo, PhotoDraft};
    use crate::testing::{letting, picture};

    #[test]
    fn unused_files_are_deleted_after_thirty_days() -> anyhow::Result<()> {
        on_both(|conn| {
            let letting_id = letting(conn, "Flat", "Gull Lane", "Brea")?;
            let file = PhotoFile::convert(&picture(500, 300, [9, 99, 199]))?;
            file.store(conn)?;
            file.store(conn)?;
            let draft = PhotoDraft {
                letting_id,
                sha256: file.sha256.clone(),
                ..PhotoDraft::default()
            };
            let id = Photo::insert(conn, &draft.check().unwrap())?;
            let later = |days| chrono::Utc::now().naive_utc() + TimeDelta::days(days);

            assert_eq!(PhotoFile::delete_unused(conn, later(99))?, 0);
            diesel::update(photo_files::table)
                .set(photo_files::released_at.eq(later(-40)))
                .execute(conn)?;
            Photo::delete(conn, &[id])?;
            assert_eq!(PhotoFile::delete_unused(conn, later(29))?, 0);
            assert_eq!(
                PhotoFile::read(conn, &file.sha256, 480)?,
                file.files[0].bytes
            );
            assert_eq!(PhotoFile::delete_unused(conn, later(31))?, 2);
            Ok(())
        })
    }
}
