//! Files of photos: an uploaded picture becomes WebP in up to three widths, without metadata.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use fast_image_resize::images::Image;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage};
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};
use oc_core::DbConnection;
use sha2::{Digest, Sha256};

use crate::decode::{PictureError, Pixels, decode};
use crate::schema::{letting_photos, photo_files};

/// The widths of the addresses, ascending (pixels). The file at a width has that width, or that of the original if it is
/// narrower: nothing is enlarged.
pub const WIDTHS: [i32; 3] = [480, 960, 1600];

/// Below this width a photo looks blurred on a large screen (pixels).
pub const RECOMMENDED_WIDTH: i32 = 800;

/// Quality of the WebP files, of 100.
const QUALITY: f32 = 78.0;

/// How long the files of a deleted photo are kept.
const KEPT: TimeDelta = TimeDelta::days(30);

/// An uploaded picture, ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotoFile {
    /// The hash of all files (SHA-256), which identifies them.
    pub sha256: String,
    /// The files, narrowest first.
    files: Vec<NewFile>,
}

#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = photo_files)]
struct NewFile {
    width: i32,
    height: i32,
    bytes: Vec<u8>,
}

impl PhotoFile {
    /// Converts an uploaded file: rotated as its EXIF data says, in sRGB, without metadata. Takes up to a few seconds.
    pub fn convert(upload: &[u8]) -> Result<Self, PictureError> {
        let pixels = decode(upload)?;
        let widest = shrink(pixels)?;
        let mut files = Vec::new();
        for width in WIDTHS {
            let width = width.min(i32::try_from(widest.width()).unwrap_or(i32::MAX));
            if files.last().is_none_or(|file: &NewFile| file.width < width) {
                files.push(encode(&widest, width)?);
            }
        }
        Ok(Self::new(files))
    }

    /// Takes files that are WebP already, narrowest first, each with its width and height.
    pub(crate) fn from_webp(files: impl IntoIterator<Item = (i32, i32, Vec<u8>)>) -> Self {
        let files = files.into_iter();
        let files = files.map(|(width, height, bytes)| NewFile {
            width,
            height,
            bytes,
        });
        Self::new(files.collect())
    }

    fn new(files: Vec<NewFile>) -> Self {
        let mut hasher = Sha256::new();
        for file in &files {
            hasher.update(&file.bytes);
        }
        let sha256 = hex::encode(hasher.finalize());
        Self { sha256, files }
    }

    /// Width of the widest file (pixels).
    pub fn width(&self) -> i32 {
        self.files.last().map_or(0, |file| file.width)
    }

    /// Stores the files, unless they are stored already. Requires a transaction.
    pub fn store(&self, conn: &mut DbConnection) -> QueryResult<()> {
        if Self::size(conn, &self.sha256)?.is_some() {
            return Ok(());
        }
        for file in &self.files {
            diesel::insert_into(photo_files::table)
                .values((photo_files::sha256.eq(&self.sha256), file))
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

    /// As [`PhotoFile::read`], if a photo with a description has it.
    pub fn read_public(conn: &mut DbConnection, sha256: &str, width: i32) -> QueryResult<Vec<u8>> {
        let is_public: bool = diesel::select(diesel::dsl::exists(
            letting_photos::table
                .filter(letting_photos::sha256.eq(sha256))
                .filter(letting_photos::alt.ne("")),
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

/// The picture, rotated, in sRGB and at most as wide as the widest file.
fn shrink(pixels: Pixels) -> Result<DynamicImage, PictureError> {
    let Pixels {
        width,
        height,
        pixel_type,
        bytes,
        orientation,
        profile,
    } = pixels;
    let is_turned = matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    );
    let widest = WIDTHS[2].unsigned_abs();
    let (width_to, height_to) = if is_turned {
        let (height_to, width_to) = fit(height, width, widest);
        (width_to, height_to)
    } else {
        fit(width, height, widest)
    };
    let source = Image::from_vec_u8(width, height, bytes, pixel_type);
    let source = source.map_err(|_| PictureError::Damaged)?;
    let small = resize(source, width_to, height_to)?;
    let image = match pixel_type {
        PixelType::U8 => {
            GrayImage::from_raw(width_to, height_to, small).map(DynamicImage::ImageLuma8)
        }
        _ => RgbImage::from_raw(width_to, height_to, small).map(DynamicImage::ImageRgb8),
    };
    let mut image = image.ok_or(PictureError::Damaged)?;
    image.apply_orientation(orientation);
    let mut image = image.into_rgb8();
    if let Some(profile) = profile {
        to_srgb(&mut image, &profile);
    }
    Ok(image.into())
}

/// The size of a picture that is at most this wide.
fn fit(width: u32, height: u32, widest: u32) -> (u32, u32) {
    if width <= widest {
        return (width, height);
    }
    let scaled = (u64::from(height) * u64::from(widest) + u64::from(width) / 2) / u64::from(width);
    (widest, u32::try_from(scaled).unwrap_or(u32::MAX).max(1))
}

fn resize(source: Image<'_>, width: u32, height: u32) -> Result<Vec<u8>, PictureError> {
    if (source.width(), source.height()) == (width, height) {
        return Ok(source.into_vec());
    }
    let mut target = Image::new(width, height, source.pixel_type());
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    Resizer::new()
        .resize(&source, &mut target, &options)
        .map_err(|_| PictureError::Damaged)?;
    Ok(target.into_vec())
}

/// Converts colours to sRGB. Those of an invalid or unusual profile stay as they are.
fn to_srgb(image: &mut RgbImage, profile: &[u8]) {
    let Ok(profile) = ColorProfile::new_from_slice(profile) else {
        return;
    };
    if profile.color_space != DataColorSpace::Rgb {
        return;
    }
    let transform = profile.create_transform_8bit(
        Layout::Rgb,
        &ColorProfile::new_srgb(),
        Layout::Rgb,
        TransformOptions::default(),
    );
    let mut converted = vec![0; image.len()];
    if transform.is_ok_and(|transform| transform.transform(image, &mut converted).is_ok()) {
        image.copy_from_slice(&converted);
    }
}

fn encode(image: &DynamicImage, width: i32) -> Result<NewFile, PictureError> {
    let (width, height) = fit(image.width(), image.height(), width.unsigned_abs());
    let pixels = image.as_bytes().to_vec();
    let source = Image::from_vec_u8(image.width(), image.height(), pixels, PixelType::U8x3);
    let source = source.map_err(|_| PictureError::Damaged)?;
    let pixels = resize(source, width, height)?;
    let mut config = webp::WebPConfig::new().map_err(|()| PictureError::TooComplex)?;
    config.quality = QUALITY;
    let bytes = webp::Encoder::from_rgb(&pixels, width, height)
        .encode_advanced(&config)
        .map_err(|_| PictureError::TooComplex)?;
    Ok(NewFile {
        width: i32::try_from(width).map_err(|_| PictureError::TooLong)?,
        height: i32::try_from(height).map_err(|_| PictureError::TooLong)?,
        bytes: bytes.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::ImageReader;
    use oc_core::testing::on_both;

    use super::*;
    use crate::photo::{Photo, PhotoDraft};
    use crate::testing::{jpeg, letting, picture};

    /// A JPEG whose left half is red, with an EXIF block: an orientation, and a place.
    fn with_exif(orientation: u8) -> Vec<u8> {
        let picture = RgbImage::from_fn(500, 250, |x, _| {
            image::Rgb(if x < 250 { [200, 0, 0] } else { [0, 0, 200] })
        });
        let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
        exif.extend(b"GPS 33.46 N");
        let mut bytes = jpeg(&picture);
        let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
        let segment = [&[0xff, 0xe1], &length[..], &exif].concat();
        bytes.splice(2..2, segment);
        bytes
    }

    fn decoded(file: &NewFile) -> RgbImage {
        let reader = ImageReader::new(Cursor::new(&file.bytes)).with_guessed_format();
        reader.unwrap().decode().unwrap().into_rgb8()
    }

    #[test]
    fn a_picture_is_stored_in_three_widths_but_never_enlarged() {
        for (size, expected) in [
            ((2000, 1000), vec![(480, 240), (960, 480), (1600, 800)]),
            ((1200, 900), vec![(480, 360), (960, 720), (1200, 900)]),
            ((960, 1200), vec![(480, 600), (960, 1200)]),
            ((300, 200), vec![(300, 200)]),
            ((1, 9), vec![(1, 9)]),
            ((16_383, 1), vec![(480, 1), (960, 1), (1600, 1)]),
        ] {
            let picture = picture(size.0, size.1, [9, 99, 199]);

            let photo = PhotoFile::convert(&picture).unwrap();

            let sizes: Vec<_> = photo.files.iter().map(|f| (f.width, f.height)).collect();
            assert_eq!(sizes, expected);
        }
    }

    #[test]
    fn a_picture_is_rotated_and_loses_its_metadata() {
        for (orientation, size, red) in [
            (1, (480, 240), (10, 120)),
            (3, (480, 240), (470, 120)),
            (6, (250, 500), (125, 10)),
            (8, (250, 500), (125, 490)),
        ] {
            let photo = PhotoFile::convert(&with_exif(orientation)).unwrap();

            let narrowest = decoded(&photo.files[0]);
            assert_eq!(narrowest.dimensions(), size, "{orientation}");
            assert!(narrowest.get_pixel(red.0, red.1)[0] > 150, "{orientation}");
            for file in &photo.files {
                assert!(!file.bytes.windows(3).any(|bytes| bytes == b"GPS"));
                assert!(!file.bytes.windows(4).any(|bytes| bytes == b"EXIF"));
            }
        }
    }

    #[test]
    fn colors_become_srgb() {
        let profile = ColorProfile::new_display_p3().encode().unwrap();
        let mut image = RgbImage::from_pixel(2, 2, image::Rgb([200, 100, 100]));

        to_srgb(&mut image, &profile);
        let converted = image.get_pixel(0, 0)[0];
        to_srgb(&mut image, b"nonsense");

        assert!(converted > 205, "{converted}");
        assert_eq!(image.get_pixel(0, 0)[0], converted);
    }

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
