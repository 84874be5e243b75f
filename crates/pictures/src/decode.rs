//! Decoding of uploaded pictures: JPEG, PNG and WebP, within limits of memory and time.

use std::io::Cursor;

use fast_image_resize::PixelType;
use image::codecs::jpeg::JpegDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, ImageFormat, ImageResult};

/// The largest file (bytes).
pub const MAX_BYTES: usize = 20 << 20;
/// The most pixels.
const MAX_PIXELS: u64 = 60_000_000;
/// The longest side, which is also the limit of JPEG (pixels).
const MAX_SIDE: u32 = 65_535;
/// The most memory for decoding (bytes).
const MAX_MEMORY: u64 = 400_000_000;
/// The most pixels of a JPEG times its scans: each scan passes over the whole picture. 20 scans, twice as many as usual,
/// of the largest picture.
const MAX_SCANNED: u64 = 20 * MAX_PIXELS;

/// Why a file was rejected, as a sentence that follows the file's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "their messages explain them")]
pub enum PictureError {
    #[error("is larger than 20 MB. Save it smaller.")]
    TooLarge,
    #[error("is in the format HEIC. Save it as JPEG.")]
    Heic,
    #[error("is not a picture in JPEG, PNG or WebP.")]
    NotAPicture,
    #[error("has more than 60 megapixels. Save it smaller.")]
    TooManyPixels,
    #[error("is too long: no side may have more than 65,535 pixels.")]
    TooLong,
    #[error("is too complex. Save it smaller, or as a simple JPEG.")]
    TooComplex,
    #[error("is damaged. Save it again, or choose another file.")]
    Damaged,
}

/// A decoded picture: rows of gray or RGB pixels, not yet rotated.
pub(crate) struct Pixels {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) pixel_type: PixelType,
    pub(crate) bytes: Vec<u8>,
    pub(crate) orientation: Orientation,
    /// The ICC profile of its colours.
    pub(crate) profile: Option<Vec<u8>>,
}

/// Decodes a file. The format is that of its content, whatever its name.
pub(crate) fn decode(bytes: &[u8]) -> Result<Pixels, PictureError> {
    match image::guess_format(bytes) {
        _ if bytes.len() > MAX_BYTES => Err(PictureError::TooLarge),
        Ok(ImageFormat::Jpeg) => jpeg(bytes),
        Ok(ImageFormat::Png) => png(bytes),
        Ok(ImageFormat::WebP) => webp(bytes),
        _ if is_heic(bytes) => Err(PictureError::Heic),
        _ => Err(PictureError::NotAPicture),
    }
}

fn is_heic(bytes: &[u8]) -> bool {
    let brands = [
        b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1",
    ];
    let mut words = bytes.chunks_exact(4).skip(1);
    words.next() == Some(b"ftyp")
        && words
            .next()
            .is_some_and(|brand| brands.iter().any(|known| *known == brand))
}

/// Checks the size of a picture before it is decoded. Returns its number of pixels.
fn check_size(width: u32, height: u32) -> Result<u64, PictureError> {
    let pixels = u64::from(width) * u64::from(height);
    if pixels > MAX_PIXELS {
        Err(PictureError::TooManyPixels)
    } else if width.max(height) > MAX_SIDE {
        Err(PictureError::TooLong)
    } else if pixels == 0 {
        Err(PictureError::Damaged)
    } else {
        Ok(pixels)
    }
}

/// Allocates memory for a picture, if it and `more` are within the limit.
fn allocate(size: u64, more: u64) -> Result<Vec<u8>, PictureError> {
    if size + more > MAX_MEMORY {
        return Err(PictureError::TooComplex);
    }
    let size = usize::try_from(size).map_err(|_| PictureError::TooComplex)?;
    Ok(vec![0; size])
}

fn jpeg(bytes: &[u8]) -> Result<Pixels, PictureError> {
    let decoder = JpegDecoder::new(Cursor::new(bytes)).map_err(|_| PictureError::Damaged)?;
    let (width, height) = decoder.dimensions();
    let pixels = check_size(width, height)?;
    let scans = JpegScans::find(bytes).ok_or(PictureError::Damaged)?;
    if pixels * scans.count > MAX_SCANNED {
        return Err(PictureError::TooComplex);
    }
    // Except if one scan has everything, the coefficients of all scans are kept, in two bytes each.
    let more = if scans.count > 1 {
        2 * (scans.samples_per_block * pixels).div_ceil(scans.pixels_per_block)
    } else {
        0
    };
    with_decoder(decoder, more)
}

fn webp(bytes: &[u8]) -> Result<Pixels, PictureError> {
    let decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(|_| PictureError::Damaged)?;
    let (width, height) = decoder.dimensions();
    let pixels = check_size(width, height)?;
    let header = image_webp::WebPDecoder::new(Cursor::new(bytes));
    let mut header = header.map_err(|_| PictureError::Damaged)?;
    // What the decoder needs besides its output: YUV (4:2:0) and alpha if it is lossy, RGBA otherwise.
    let more = if header.is_lossy() && !header.is_animated() {
        5 * pixels / 2
    } else {
        4 * pixels
    };
    with_decoder(decoder, more)
}

fn with_decoder(mut decoder: impl ImageDecoder, more: u64) -> Result<Pixels, PictureError> {
    let (width, height) = decoder.dimensions();
    let color_type = decoder.color_type();
    let profile = optional(decoder.icc_profile());
    let orientation = orientation(optional(decoder.exif_metadata()).as_deref());
    let mut bytes = allocate(decoder.total_bytes(), more)?;
    decoder
        .read_image(&mut bytes)
        .map_err(|_| PictureError::Damaged)?;
    let pixel_type = match color_type {
        ColorType::L8 => PixelType::U8,
        ColorType::Rgb8 => PixelType::U8x3,
        ColorType::Rgba8 => {
            flatten::<4>(&mut bytes);
            PixelType::U8x3
        }
        _ => return Err(PictureError::Damaged),
    };
    Ok(Pixels {
        width,
        height,
        pixel_type,
        bytes,
        orientation,
        profile,
    })
}

/// Metadata that a picture doesn't have, or that is invalid, is left out.
fn optional(metadata: ImageResult<Option<Vec<u8>>>) -> Option<Vec<u8>> {
    metadata.unwrap_or_default()
}

/// The orientation in EXIF data, which some programs also write to WebP and PNG with the prefix that it has in JPEG.
fn orientation(exif: Option<&[u8]>) -> Orientation {
    let exif = exif.map(|exif| exif.strip_prefix(b"Exif\0\0").unwrap_or(exif));
    exif.and_then(Orientation::from_exif_chunk)
        .unwrap_or(Orientation::NoTransforms)
}

/// Decodes PNG to 8 bits a channel, which needs less memory than `image`'s decoder.
fn png(bytes: &[u8]) -> Result<Pixels, PictureError> {
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    decoder.set_ignore_text_chunk(true);
    let header = decoder.read_header_info();
    let (width, height) = header.map_err(|_| PictureError::Damaged)?.size();
    check_size(width, height)?;
    let mut reader = decoder.read_info().map_err(|_| PictureError::Damaged)?;
    let info = reader.info();
    let profile = info.icc_profile.as_deref().map(<[u8]>::to_vec);
    let orientation = orientation(info.exif_metadata.as_deref());
    let size = reader
        .output_buffer_size()
        .ok_or(PictureError::TooComplex)?;
    let mut bytes = allocate(size as u64, 0)?;
    let frame = reader
        .next_frame(&mut bytes)
        .map_err(|_| PictureError::Damaged)?;
    bytes.truncate(frame.buffer_size());
    let pixel_type = match frame.color_type {
        png::ColorType::Grayscale => PixelType::U8,
        png::ColorType::GrayscaleAlpha => {
            flatten::<2>(&mut bytes);
            PixelType::U8
        }
        png::ColorType::Rgb => PixelType::U8x3,
        png::ColorType::Rgba => {
            flatten::<4>(&mut bytes);
            PixelType::U8x3
        }
        png::ColorType::Indexed => return Err(PictureError::Damaged),
    };
    Ok(Pixels {
        width,
        height,
        pixel_type,
        bytes,
        orientation,
        profile,
    })
}

/// Puts pixels of `CHANNELS`, the last of which is alpha, on white. In place, because they may fill half of the memory.
fn flatten<const CHANNELS: usize>(bytes: &mut Vec<u8>) {
    let colors = CHANNELS - 1;
    let pixels = bytes.len() / CHANNELS;
    for pixel in 0..pixels {
        let from = pixel * CHANNELS;
        let alpha = u16::from(bytes[from + colors]);
        for color in 0..colors {
            let value = u16::from(bytes[from + color]);
            let blended = (value * alpha + 255 * (255 - alpha) + 127) / 255;
            bytes[pixel * colors + color] = u8::try_from(blended).unwrap_or(u8::MAX);
        }
    }
    bytes.truncate(pixels * colors);
}

/// The scans of a JPEG (ITU-T T.81, B.1 and B.2).
struct JpegScans {
    /// How many there are.
    count: u64,
    /// Samples of all components in a block, and its pixels.
    samples_per_block: u64,
    pixels_per_block: u64,
}

impl JpegScans {
    /// Reads the markers of a file up to the end of its picture; `None` if it is invalid or cut short. Phones append a
    /// video, or another picture, whose bytes are no scans.
    fn find(bytes: &[u8]) -> Option<Self> {
        const START_OF_SCAN: u8 = 0xda;
        const END_OF_IMAGE: u8 = 0xd9;
        let mut rest = bytes.get(2..)?;
        let (mut sampling, mut count) = (None, 0);
        loop {
            rest = rest.get(rest.iter().position(|byte| *byte == 0xff)?..)?;
            // A marker may be preceded by any number of fill bytes.
            let start = rest.iter().position(|byte| *byte != 0xff)?;
            let (marker, after) = rest.get(start..)?.split_first()?;
            rest = after;
            match marker {
                // In a scan, 0xff is followed by 0 or a restart number. These have no length, nor has TEM.
                0 | 1 | 0xd0..=0xd7 => continue,
                &END_OF_IMAGE => break,
                &START_OF_SCAN => count += 1,
                _ => {}
            }
            let length = usize::from(u16::from_be_bytes([*after.first()?, *after.get(1)?]));
            // SOF0 to SOF15 without DHT, JPG and DAC.
            if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
                sampling = Some(sampling_factors(after.get(..length)?)?);
            }
            rest = after.get(length..)?;
        }
        let (samples_per_block, pixels_per_block) = sampling?;
        Some(Self {
            count,
            samples_per_block,
            pixels_per_block,
        })
    }
}

/// Samples of all components, and pixels, in the smallest block that has whole numbers of both. Takes a frame header from
/// its length on.
fn sampling_factors(header: &[u8]) -> Option<(u64, u64)> {
    let components = header.get(8..)?.chunks_exact(3);
    let factors = components.map(|component| (component[1] >> 4, component[1] & 0xf));
    let (mut samples, mut across, mut down) = (0, 1, 1);
    for (horizontal, vertical) in factors {
        samples += u64::from(horizontal) * u64::from(vertical);
        across = across.max(u64::from(horizontal));
        down = down.max(u64::from(vertical));
    }
    Some((samples, across * down))
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage, RgbaImage};

    use super::PictureError as E;
    use super::*;
    use crate::convert::tests::jpeg;

    fn png(width: u32, height: u32, color: png::ColorType, data: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(color);
        let mut writer = encoder.write_header().unwrap();
        // A header without data is enough for pictures that are rejected.
        writer.write_image_data(data).ok();
        drop(writer);
        bytes
    }

    fn webp(image: &RgbaImage) -> Vec<u8> {
        let encoder = webp::Encoder::from_rgba(image, image.width(), image.height());
        encoder.encode_lossless().to_vec()
    }

    /// A JPEG with another size in its header.
    fn resized_jpeg(width: u16, height: u16) -> Vec<u8> {
        let mut bytes = jpeg(&RgbImage::new(8, 8));
        let frame = bytes
            .windows(2)
            .position(|pair| pair == [0xff, 0xc0])
            .unwrap();
        bytes[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
        bytes[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
        bytes
    }

    #[test]
    fn pictures_of_every_format_are_decoded_to_gray_or_rgb_on_white() {
        let picture = RgbImage::from_pixel(3, 2, Rgb([9, 99, 199]));
        let clear = RgbaImage::from_pixel(3, 2, image::Rgba([9, 99, 199, 0]));
        let half = [0, 0, 100, 128, 50, 255];
        let rgb = png(3, 2, png::ColorType::Rgb, &picture);
        let rgba = png(3, 2, png::ColorType::Rgba, &clear);
        let gray = png(3, 1, png::ColorType::GrayscaleAlpha, &half);
        for (name, bytes, first) in [
            ("jpeg", jpeg(&picture), [9, 99, 199]),
            ("png", rgb, [9, 99, 199]),
            ("clear png", rgba, [255; 3]),
            ("gray png", gray, [255, 177, 50]),
            ("webp", webp(&clear), [255; 3]),
        ] {
            let pixels = decode(&bytes).unwrap();

            let close = pixels
                .bytes
                .iter()
                .zip(&first)
                .all(|(a, b)| a.abs_diff(*b) < 6);
            assert!(close, "{name}: {:?}", &pixels.bytes[..3]);
            let is_gray = pixels.pixel_type == PixelType::U8;
            let channels = if is_gray { 1 } else { 3 };
            let count = (pixels.width * pixels.height * channels) as usize;
            assert_eq!(pixels.bytes.len(), count, "{name}");
        }
    }

    #[test]
    fn files_beyond_a_limit_and_damaged_ones_are_rejected() {
        let picture = jpeg(&RgbImage::from_fn(200, 100, |x, y| {
            Rgb([x.to_le_bytes()[0], y.to_le_bytes()[0], 0])
        }));
        let small = png(3, 2, png::ColorType::Rgb, &[7; 18]);
        let mut many_scans = resized_jpeg(8000, 7000);
        many_scans.truncate(many_scans.len() - 2);
        many_scans.extend([0xff, 0xda, 0, 2].repeat(30));
        many_scans.extend([0xff, 0xd9]);
        let rgb = |width, height| png(width, height, png::ColorType::Rgb, &[]);
        let cut = |bytes: usize| picture[..picture.len() - bytes].to_vec();
        let heic = [&[0, 0, 0, 24], &b"ftypheic"[..], &[0; 12]].concat();
        for (name, bytes, error) in [
            ("empty", vec![], E::NotAPicture),
            ("text", b"<svg/>".to_vec(), E::NotAPicture),
            ("gif", b"GIF89a\x01\0\x01\0".to_vec(), E::NotAPicture),
            ("heic", heic, E::Heic),
            ("20 MB", vec![0; MAX_BYTES + 1], E::TooLarge),
            ("narrow png", rgb(1, 60_000_000), E::TooLong),
            ("flat png", rgb(60_000_001, 1), E::TooManyPixels),
            ("bomb", rgb(100_000, 100_000), E::TooManyPixels),
            ("huge jpeg", resized_jpeg(60_000, 60_000), E::TooManyPixels),
            ("scans", many_scans, E::TooComplex),
            ("half a jpeg", cut(picture.len() / 2), E::Damaged),
            ("jpeg without end", cut(2), E::Damaged),
            ("half a png", small[..small.len() / 2].to_vec(), E::Damaged),
            ("jpeg's start", vec![0xff, 0xd8, 0xff], E::Damaged),
            ("webp's start", b"RIFF\x04\0\0\0WEBP".to_vec(), E::Damaged),
        ] {
            assert_eq!(decode(&bytes).err(), Some(error), "{name}");
        }
    }

    /// A WebP in the extended format, which can contain EXIF data.
    fn webp_with_exif(image: &RgbaImage, exif: &[u8]) -> Vec<u8> {
        const ALPHA_AND_EXIF: u8 = 0x18;
        let chunk = |name: &[u8], content: &[u8]| {
            let length = u32::try_from(content.len()).unwrap().to_le_bytes();
            [name, &length, content, &vec![0; content.len() % 2]].concat()
        };
        let [width, height] = [image.width(), image.height()].map(|side| (side - 1).to_le_bytes());
        let header = [&[ALPHA_AND_EXIF, 0, 0, 0], &width[..3], &height[..3]].concat();
        let picture = &webp(image)[12..];
        let chunks = [&chunk(b"VP8X", &header), picture, &chunk(b"EXIF", exif)].concat();
        chunk(b"RIFF", &[b"WEBP", &chunks[..]].concat())
    }

    // python-pillow/Pillow#6580, ianare/exif-py#131
    #[test]
    fn a_webp_is_rotated_whether_or_not_its_exif_data_has_the_prefix_of_jpeg() {
        let exif = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        for exif in [exif.to_vec(), [&b"Exif\0\0"[..], exif].concat()] {
            let pixels = decode(&webp_with_exif(&RgbaImage::new(3, 2), &exif)).unwrap();

            assert_eq!(pixels.orientation, Orientation::Rotate90);
        }
    }

    #[test]
    fn a_video_after_a_jpeg_is_ignored() {
        let video = [0xff, 0xda].repeat(70_000);
        let with_video = [jpeg(&RgbImage::new(200, 100)), video].concat();

        let pixels = decode(&with_video).unwrap();

        assert_eq!((pixels.width, pixels.height), (200, 100));
    }
}
