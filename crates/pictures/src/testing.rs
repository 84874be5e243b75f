//! Fixtures for tests.

/// A one-coloured picture as PNG.
///
/// # Panics
/// If it has no pixels.
pub fn picture(width: u32, height: u32, color: [u8; 3]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    let writer = encoder.write_header();
    let mut writer = writer.expect("the picture has pixels");
    let pixels = color.repeat((width * height) as usize);
    let written = writer.write_image_data(&pixels);
    written.expect("there is a color for each pixel");
    drop(writer);
    bytes
}
