//! Photos of lettings.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer};
use oc_core::locks::lock;
use oc_core::validation::{Checker, FieldError, Violation};
use oc_core::{CachedStatement, DbConnection};

use crate::photo_file::{PhotoFile, WIDTHS};
use crate::schema::letting_photos;

/// The most photos of a letting.
pub const MAX_PHOTOS: i32 = 40;
/// Maximum length of a description, in characters.
pub(crate) const LONGEST_ALT: usize = 200;

/// A photo of a letting.
#[derive(Debug, Clone, PartialEq, Eq, HasQuery, Identifiable)]
#[diesel(table_name = letting_photos)]
pub struct Photo {
    /// Its id.
    pub id: i64,
    /// The letting.
    pub letting_id: i64,
    /// Its place among the photos of the letting, from 1 without gaps.
    pub position: i32,
    /// Identifies its files.
    pub sha256: String,
    /// Width of its widest file (pixels).
    pub width: i32,
    /// Height of its widest file (pixels).
    pub height: i32,
    /// Description; a photo is public once it has one.
    pub alt: String,
}

impl Photo {
    /// The photos of a letting that are public, in order. The first one is the cover.
    pub fn public(conn: &mut DbConnection, letting_id: i64) -> QueryResult<Vec<Self>> {
        Self::query()
            .filter(letting_photos::letting_id.eq(letting_id))
            .filter(letting_photos::alt.ne(""))
            .order(letting_photos::position)
            .load(conn)
    }

    /// The covers of these lettings: the first public photo of each.
    pub fn covers(
        conn: &mut DbConnection,
        letting_ids: &[i64],
    ) -> QueryResult<BTreeMap<i64, Self>> {
        let earlier = diesel::alias!(letting_photos as earlier);
        let is_not_first = earlier
            .filter(
                earlier
                    .field(letting_photos::letting_id)
                    .eq(letting_photos::letting_id),
            )
            .filter(
                earlier
                    .field(letting_photos::position)
                    .lt(letting_photos::position),
            )
            .filter(earlier.field(letting_photos::alt).ne(""));
        let covers = Self::query()
            .filter(letting_photos::letting_id.eq_any(letting_ids.to_vec()))
            .filter(letting_photos::alt.ne(""))
            .filter(diesel::dsl::not(diesel::dsl::exists(is_not_first)));
        let covers: Vec<Self> = CachedStatement(covers).load(conn)?;
        let by_letting = covers.into_iter().map(|photo| (photo.letting_id, photo));
        Ok(by_letting.collect())
    }

    /// The ids of a letting's photos, in order.
    pub fn ids(conn: &mut DbConnection, letting_id: i64) -> QueryResult<Vec<i64>> {
        letting_photos::table
            .filter(letting_photos::letting_id.eq(letting_id))
            .order(letting_photos::position)
            .select(letting_photos::id)
            .load(conn)
    }

    /// The path of the file at one of the [`WIDTHS`].
    pub fn path(&self, width: i32) -> String {
        format!("/photos/{}-{width}.webp", self.sha256)
    }

    /// The files for `srcset`: paths with the widths that they have, narrowest first.
    pub fn sources(&self) -> Vec<(String, i32)> {
        let narrower = WIDTHS.iter().filter(|width| **width < self.width);
        let count = (narrower.count() + 1).min(WIDTHS.len());
        let widths = WIDTHS.iter().take(count);
        widths
            .map(|width| (self.path(*width), (*width).min(self.width)))
            .collect()
    }

    /// Inserts a photo and returns its id. Requires a transaction.
    pub fn insert(conn: &mut DbConnection, photo: &NewPhoto) -> Result<i64, PhotoError> {
        photo.insert(conn, None)
    }

    /// Inserts deleted photos under their old ids, at their old positions as far as those exist. The id sequence is past
    /// them. Requires a transaction.
    pub fn restore(
        conn: &mut DbConnection,
        mut rows: Vec<(i64, NewPhoto)>,
    ) -> Result<(), PhotoError> {
        rows.sort_by_key(|(_, photo)| (photo.letting_id, photo.position));
        for (id, photo) in rows {
            photo.insert(conn, Some(id))?;
        }
        Ok(())
    }

    /// Updates a photo; false if it doesn't exist. Requires a transaction.
    pub fn update(conn: &mut DbConnection, id: i64, photo: &NewPhoto) -> Result<bool, PhotoError> {
        let letting_id = |conn: &mut DbConnection| {
            let photo = letting_photos::table.find(id);
            let letting_id = photo.select(letting_photos::letting_id);
            letting_id.first::<i64>(conn).optional()
        };
        let Some(stored) = letting_id(conn)? else {
            return Ok(false);
        };
        lock_letting(conn, stored.min(photo.letting_id))?;
        lock_letting(conn, stored.max(photo.letting_id))?;
        if letting_id(conn)? != Some(stored) {
            // Somebody deleted or moved it while this waited.
            return Ok(false);
        }
        let is_moved = stored != photo.letting_id;
        let position = is_moved.then(|| next_position(conn, photo.letting_id));
        let position = position.transpose()?;
        let (width, height) = photo.size(conn)?;
        diesel::update(letting_photos::table.find(id))
            .set((
                photo,
                position.map(|position| letting_photos::position.eq(position)),
                letting_photos::width.eq(width),
                letting_photos::height.eq(height),
            ))
            .execute(conn)?;
        if is_moved {
            arrange(conn, stored, None)?;
        }
        photo.move_to_position(conn, id)?;
        Ok(true)
    }

    /// Deletes photos. Their files are kept for 30 days. Requires a transaction.
    pub fn delete(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<()> {
        let photos = || letting_photos::table.filter(letting_photos::id.eq_any(ids.to_vec()));
        let lettings: Vec<i64> = photos()
            .select(letting_photos::letting_id)
            .distinct()
            .order(letting_photos::letting_id)
            .load(conn)?;
        for letting in &lettings {
            lock_letting(conn, *letting)?;
        }
        diesel::delete(photos()).execute(conn)?;
        lettings
            .iter()
            .try_for_each(|letting| arrange(conn, *letting, None))
    }
}

/// Locks the order of a letting's photos until the end of the transaction.
fn lock_letting(conn: &mut DbConnection, letting_id: i64) -> QueryResult<()> {
    lock(conn, "lettings.letting", letting_id)
}

/// The position after the last photo of a letting.
fn next_position(conn: &mut DbConnection, letting_id: i64) -> Result<i32, PhotoError> {
    let last: Option<i32> = letting_photos::table
        .filter(letting_photos::letting_id.eq(letting_id))
        .select(diesel::dsl::max(letting_photos::position))
        .get_result(conn)?;
    match last.unwrap_or(0) {
        last if last < MAX_PHOTOS => Ok(last + 1),
        _ => Err(PhotoError::TooMany),
    }
}

/// Numbers the photos of a letting from 1, in their order. `moved` is a photo that goes to a position.
fn arrange(conn: &mut DbConnection, letting_id: i64, moved: Option<(i64, i32)>) -> QueryResult<()> {
    let (id, position) = moved.unwrap_or_default();
    // SQLite numbers parameters in the order of their first use. A moved photo goes before the photo that has the
    // position now, or after it if that photo moves up.
    let renumber = "UPDATE letting_photos SET position = -place \
        FROM (SELECT id AS photo, row_number() OVER (ORDER BY CASE WHEN id = $1 \
              THEN 2 * $2 + CASE WHEN position < $2 THEN 1 ELSE -1 END ELSE 2 * position END) AS place \
              FROM letting_photos WHERE letting_id = $3) AS places \
        WHERE id = photo AND position <> place";
    diesel::sql_query(renumber)
        .bind::<BigInt, _>(id)
        .bind::<Integer, _>(position)
        .bind::<BigInt, _>(letting_id)
        .execute(conn)?;
    let negative = letting_photos::table
        .filter(letting_photos::letting_id.eq(letting_id))
        .filter(letting_photos::position.lt(0));
    diesel::update(negative)
        .set(letting_photos::position.eq(letting_photos::position * -1))
        .execute(conn)?;
    Ok(())
}

/// Why a photo can't be stored.
#[derive(Debug, thiserror::Error)]
pub enum PhotoError {
    /// The letting has 40 photos.
    #[error("the letting has {MAX_PHOTOS} photos already")]
    TooMany,
    /// Its files are not stored (any more).
    #[error("the photo has no files")]
    NoFiles,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] diesel::result::Error),
}

/// Unvalidated photo.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the fields of the stored row, as typed")]
pub struct PhotoDraft {
    pub letting_id: i64,
    pub sha256: String,
    pub alt: String,
    /// Position as typed; empty for the last one.
    pub position: String,
}

/// Valid photo; only [`PhotoDraft::check`] creates one. The database checks that the letting exists.
#[derive(Debug, Clone, PartialEq, Eq, Insertable, AsChangeset)]
#[diesel(table_name = letting_photos, treat_none_as_default_value = false)]
pub struct NewPhoto {
    letting_id: i64,
    sha256: String,
    alt: String,
    #[diesel(skip_insertion, skip_update)]
    position: i32,
}

impl PhotoDraft {
    /// Validates the draft; the only way to get a [`NewPhoto`].
    pub fn check(&self) -> Result<NewPhoto, Vec<FieldError>> {
        let mut checker = Checker::default();
        let position = if self.position.trim().is_empty() {
            MAX_PHOTOS
        } else {
            checker.whole("position", "Position", &self.position, 1, MAX_PHOTOS)
        };
        let photo = NewPhoto {
            letting_id: self.letting_id,
            sha256: self.sha256.clone(),
            alt: checker.text("alt", "Describe this photo", &self.alt, 0, LONGEST_ALT),
            position,
        };
        if self.sha256.is_empty() {
            checker.reject("file", Violation::Required { label: "Photo" });
        }
        checker.finish(photo)
    }
}

impl NewPhoto {
    /// Width and height of its widest file.
    fn size(&self, conn: &mut DbConnection) -> Result<(i32, i32), PhotoError> {
        PhotoFile::size(conn, &self.sha256)?.ok_or(PhotoError::NoFiles)
    }

    fn insert(&self, conn: &mut DbConnection, id: Option<i64>) -> Result<i64, PhotoError> {
        lock_letting(conn, self.letting_id)?;
        let (width, height) = self.size(conn)?;
        let position = next_position(conn, self.letting_id)?;
        let values = (
            id.map(|id| letting_photos::id.eq(id)),
            self,
            letting_photos::position.eq(position),
            letting_photos::width.eq(width),
            letting_photos::height.eq(height),
        );
        let id = diesel::insert_into(letting_photos::table)
            .values(values)
            .returning(letting_photos::id)
            .get_result(conn)?;
        self.move_to_position(conn, id)?;
        Ok(id)
    }

    fn move_to_position(&self, conn: &mut DbConnection, id: i64) -> QueryResult<()> {
        arrange(conn, self.letting_id, Some((id, self.position)))
    }
}

#[cfg(test)]
mod tests {
    use oc_core::testing::on_both;

    use super::*;
    use crate::testing::{letting, photo};

    fn draft(conn: &mut DbConnection, id: i64) -> QueryResult<PhotoDraft> {
        let photo: Photo = Photo::query().find(id).first(conn)?;
        Ok(PhotoDraft {
            letting_id: photo.letting_id,
            sha256: photo.sha256,
            alt: photo.alt,
            position: photo.position.to_string(),
        })
    }

    /// The first letters of the descriptions, in order.
    fn order(conn: &mut DbConnection, letting_id: i64) -> QueryResult<String> {
        let photos: Vec<Photo> = Photo::query()
            .filter(letting_photos::letting_id.eq(letting_id))
            .order(letting_photos::position)
            .load(conn)?;
        assert!(
            photos
                .iter()
                .zip(1..)
                .all(|(photo, place)| photo.position == place)
        );
        Ok(photos.into_iter().map(|photo| photo.alt).collect())
    }

    #[test]
    fn photos_keep_an_order_without_gaps() -> anyhow::Result<()> {
        on_both(|conn| {
            let letting_id = letting(conn, "Flat", "Gull Lane", "Brea")?;
            let ids = ["a", "b", "c", "d"].map(|alt| photo(conn, letting_id, alt));
            let ids = ids.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
            for (place, to, expected) in [
                (0, 3, "bcad"),
                (3, 1, "dbca"),
                (1, 40, "dcab"),
                (2, 2, "dcab"),
                (1, 2, "dbca"),
            ] {
                let mut draft = draft(conn, ids[place])?;
                draft.position = to.to_string();
                Photo::update(conn, ids[place], &draft.check().unwrap())?;
                assert_eq!(order(conn, letting_id)?, expected);
            }

            let deleted = draft(conn, ids[1])?.check().unwrap();
            Photo::delete(conn, &[ids[1]])?;
            assert_eq!(order(conn, letting_id)?, "dca");
            Photo::restore(conn, vec![(ids[1], deleted)])?;
            assert_eq!(order(conn, letting_id)?, "dbca");

            let other = letting(conn, "House", "Palm Road", "Brea")?;
            photo(conn, other, "x")?;
            let mut moved = draft(conn, ids[1])?;
            (moved.letting_id, moved.position) = (other, "1".to_owned());
            Photo::update(conn, ids[1], &moved.check().unwrap())?;
            assert_eq!(order(conn, letting_id)?, "dca");
            assert_eq!(order(conn, other)?, "bx");
            Ok(())
        })
    }

    #[test]
    fn the_cover_is_the_first_photo_with_a_description() -> anyhow::Result<()> {
        on_both(|conn| {
            let flat = letting(conn, "Flat", "Gull Lane", "Brea")?;
            let house = letting(conn, "House", "Palm Road", "Brea")?;
            let bare = letting(conn, "Cabin", "Pier Road", "Brea")?;
            for (letting_id, alt) in [
                (flat, ""),
                (flat, "b"),
                (flat, "c"),
                (house, "h"),
                (bare, ""),
            ] {
                photo(conn, letting_id, alt)?;
            }

            let covers = Photo::covers(conn, &[flat, house, bare])?;
            let public = Photo::public(conn, flat)?;

            let covers: Vec<_> = covers.values().map(|photo| photo.alt.as_str()).collect();
            assert_eq!(covers, ["b", "h"]);
            assert_eq!(public.len(), 2);
            let (undescribed, described) = (Photo::ids(conn, bare)?[0], &public[0]);
            let undescribed = draft(conn, undescribed)?.sha256;
            assert!(PhotoFile::read_public(conn, &described.sha256, 480).is_ok());
            assert!(PhotoFile::read_public(conn, &undescribed, 480).is_err());
            Ok(())
        })
    }

    #[test]
    fn a_letting_has_at_most_forty_photos() -> anyhow::Result<()> {
        on_both(|conn| {
            let letting_id = letting(conn, "Flat", "Gull Lane", "Brea")?;
            let id = photo(conn, letting_id, "a")?;
            let draft = draft(conn, id)?.check().unwrap();
            for _ in 1..MAX_PHOTOS {
                Photo::insert(conn, &draft)?;
            }

            assert!(matches!(
                Photo::insert(conn, &draft),
                Err(PhotoError::TooMany)
            ));
            Ok(())
        })
    }

    #[test]
    fn sources_are_as_wide_as_they_say() {
        let widths = |width| {
            let photo = Photo {
                id: 1,
                letting_id: 1,
                position: 1,
                sha256: "ab".to_owned(),
                width,
                height: 1,
                alt: String::new(),
            };
            photo
                .sources()
                .into_iter()
                .map(|(_, width)| width)
                .collect::<Vec<_>>()
        };

        assert_eq!(widths(1600), [480, 960, 1600]);
        assert_eq!(widths(1200), [480, 960, 1200]);
        assert_eq!(widths(960), [480, 960]);
        assert_eq!(widths(480), [480]);
        assert_eq!(widths(200), [200]);
    }
}
