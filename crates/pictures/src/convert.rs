//! Conversion of uploaded pictures to WebP in several widths.

use fast_image_resize::images::Image;
use fast_image_resize::pixels::{U8, U8x3};
use fast_image_resize::{FilterType, PixelTrait, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage};
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

use crate::decode::{PictureError, Pixels, decode};

/// Maximum height of a WebP file (pixels).
const MAX_HEIGHT: u32 = 16_383;
/// Quality of the WebP files, of 100.
const QUALITY: f32 = 78.0;

/// A WebP file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webp {
    /// Width (pixels).
    pub width: u32,
    /// Height (pixels).
    pub height: u32,
    /// Content.
    pub bytes: Vec<u8>,
}

/// Converts an uploaded file to WebP in these widths, which ascend: rotated as its EXIF data says, in sRGB, without
/// metadata. A narrower picture is not enlarged: its last file has its own width. Takes up to a few seconds.
pub fn convert(upload: &[u8], widths: &[u32]) -> Result<Vec<Webp>, PictureError> {
    let widest = shrink(decode(upload)?, widths.last().copied().unwrap_or(0))?;
    let mut files: Vec<Webp> = Vec::new();
    for width in widths {
        let width = widest.width().min(*width);
        if files.last().is_none_or(|file| file.width < width) {
            files.push(encode(&widest, width)?);
        }
    }
    Ok(files)
}

/// The picture, rotated, in sRGB and at most as wide as the widest file.
fn shrink(pixels: Pixels, widest: u32) -> Result<RgbImage, PictureError> {
    let (width, height, pixel_type) = (pixels.width, pixels.height, pixels.pixel_type);
    let is_turned = matches!(
        pixels.orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    );
    let (width_to, height_to) = if is_turned {
        let (height_to, width_to) = fit(height, width, widest);
        (width_to, height_to)
    } else {
        fit(width, height, widest)
    };
    let source = Image::from_vec_u8(width, height, pixels.bytes, pixel_type);
    let source = source.map_err(|_| PictureError::Damaged)?;
    let small = resize(source, width_to, height_to)?;
    let image = match pixel_type {
        PixelType::U8 => {
            GrayImage::from_raw(width_to, height_to, small).map(DynamicImage::ImageLuma8)
        }
        _ => RgbImage::from_raw(width_to, height_to, small).map(DynamicImage::ImageRgb8),
    };
    let mut image = image.ok_or(PictureError::Damaged)?;
    image.apply_orientation(pixels.orientation);
    let mut image = image.into_rgb8();
    if let Some(profile) = pixels.profile {
        to_srgb(&mut image, &profile);
    }
    Ok(image)
}

/// The size of a picture that is at most this wide, and not too high for WebP.
fn fit(width: u32, height: u32, widest: u32) -> (u32, u32) {
    let (mut width, mut height) = (width, height);
    if width > widest {
        (width, height) = (widest, scale(height, widest, width));
    }
    if height > MAX_HEIGHT {
        (width, height) = (scale(width, MAX_HEIGHT, height), MAX_HEIGHT);
    }
    (width, height)
}

/// A length times `to / from`, rounded, at least 1.
fn scale(length: u32, to: u32, from: u32) -> u32 {
    let from = u64::from(from);
    let scaled = (u64::from(length) * u64::from(to) + from / 2) / from;
    u32::try_from(scaled).unwrap_or(u32::MAX).max(1)
}

fn resize(source: Image<'_>, width: u32, height: u32) -> Result<Vec<u8>, PictureError> {
    if (source.width(), source.height()) == (width, height) {
        return Ok(source.into_vec());
    }
    let mut target = Image::new(width, height, source.pixel_type());
    // `Resizer::resize` would compile code for pixels of every type, in minutes.
    match source.pixel_type() {
        PixelType::U8 => resize_typed::<U8>(&source, &mut target)?,
        _ => resize_typed::<U8x3>(&source, &mut target)?,
    }
    Ok(target.into_vec())
}

fn resize_typed<P: PixelTrait>(
    source: &Image<'_>,
    target: &mut Image<'_>,
) -> Result<(), PictureError> {
    let (source, target) = (source.typed_image::<P>(), target.typed_image_mut::<P>());
    let (source, mut target) = source.zip(target).ok_or(PictureError::Damaged)?;
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    Resizer::new()
        .resize_typed(&source, &mut target, &options)
        .map_err(|_| PictureError::Damaged)
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

fn encode(image: &RgbImage, width: u32) -> Result<Webp, PictureError> {
    let (width, height) = fit(image.width(), image.height(), width);
    let pixels = image.as_raw().clone();
    let source = Image::from_vec_u8(image.width(), image.height(), pixels, PixelType::U8x3);
    let source = source.map_err(|_| PictureError::Damaged)?;
    let pixels = resize(source, width, height)?;
    let mut config = webp::WebPConfig::new().map_err(|()| PictureError::TooComplex)?;
    config.quality = QUALITY;
    let bytes = webp::Encoder::from_rgb(&pixels, width, height)
        .encode_advanced(&config)
        .map_err(|_| PictureError::TooComplex)?;
    Ok(Webp {
        width,
        height,
        bytes: bytes.to_vec(),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Cursor;

    use image::ImageReader;

    use super::*;
    use crate::testing::picture;

    const WIDTHS: [u32; 3] = [480, 960, 1600];

    /// A picture as JPEG.
    pub(crate) fn jpeg(picture: &RgbImage) -> Vec<u8> {
        let mut bytes = Vec::new();
        let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 95);
        picture.write_with_encoder(encoder).unwrap();
        bytes
    }

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

    fn decoded(file: &Webp) -> RgbImage {
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
            ((20_000, 20), vec![(480, 1), (960, 1), (1600, 2)]),
            ((20, 20_000), vec![(16, 16_383)]),
        ] {
            let picture = picture(size.0, size.1, [9, 99, 199]);

            let files = convert(&picture, &WIDTHS).unwrap();

            let sizes: Vec<_> = files.iter().map(|f| (f.width, f.height)).collect();
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
            let files = convert(&with_exif(orientation), &WIDTHS).unwrap();

            let narrowest = decoded(&files[0]);
            assert_eq!(narrowest.dimensions(), size, "{orientation}");
            assert!(narrowest.get_pixel(red.0, red.1)[0] > 150, "{orientation}");
            for file in &files {
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
}
