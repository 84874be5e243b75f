//! Assets and templates, embedded in release builds; a debug build reads them from the checkout.

use rust_embed::RustEmbed;

/// The folder `static`.
#[derive(RustEmbed)]
#[folder = "../static"]
pub(crate) struct Static;

/// The folder `templates`.
#[derive(RustEmbed)]
#[folder = "../templates"]
pub(crate) struct Templates;
