//! The static assets and the sources of the templates: embedded, or in development read from disk.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// One asset as it was when the program was built.
struct Embedded {
    name: &'static str,
    hash: &'static str,
    plain: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

static ASSETS: &[Embedded] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));
static TEMPLATES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/templates.rs"));

/// An asset to be sent.
pub(crate) struct Asset {
    pub(crate) content_type: &'static str,
    pub(crate) hash: String,
    pub(crate) plain: Cow<'static, [u8]>,
    pub(crate) brotli: Option<&'static [u8]>,
    pub(crate) gzip: Option<&'static [u8]>,
}

/// Where assets and templates come from.
#[derive(Debug, Clone)]
pub struct Assets {
    /// The folder that holds `templates` and `static`, read at every request; else what was embedded is used.
    checkout: Option<PathBuf>,
}

impl Assets {
    /// What was put into the program when it was built.
    #[must_use]
    pub fn embedded() -> Self {
        Self { checkout: None }
    }

    /// The checkout that a debug build was made from, so that a changed template shows at the next reload. A
    /// release build, and a debug build whose checkout is gone, fall back to what was embedded.
    #[must_use]
    pub fn from_checkout() -> Self {
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let usable = cfg!(debug_assertions) && checkout.join("templates/base.html").is_file();
        Self {
            checkout: usable.then_some(checkout),
        }
    }

    /// Whether files may change while the program runs.
    pub(crate) fn are_live(&self) -> bool {
        self.checkout.is_some()
    }

    /// The address of an asset, which changes with its content; `None` where there is no such asset.
    pub(crate) fn url(&self, name: &str) -> Option<String> {
        let hash = self.find(name)?.hash;
        let (stem, ending) = name.rsplit_once('.')?;
        Some(format!("/static/{stem}.{hash}.{ending}"))
    }

    /// The asset at `NAME.HASH.EXT`, if that is the hash of its present content.
    pub(crate) fn find_hashed(&self, file: &str) -> Option<Asset> {
        let (rest, ending) = file.rsplit_once('.')?;
        let (stem, hash) = rest.rsplit_once('.')?;
        self.find(&format!("{stem}.{ending}"))
            .filter(|asset| asset.hash == hash)
    }

    /// The asset of that name.
    pub(crate) fn find(&self, name: &str) -> Option<Asset> {
        let embedded = ASSETS.iter().find(|asset| asset.name == name);
        if let Some(checkout) = &self.checkout {
            // A name with a separator is never joined to the folder.
            let plain_name = Path::new(name).file_name().is_some_and(|file| file == name);
            let bytes = std::fs::read(checkout.join("static").join(name))
                .ok()
                .filter(|_| plain_name)?;
            return Some(Asset {
                content_type: content_type(name),
                hash: hash(&bytes),
                plain: bytes.into(),
                brotli: None,
                gzip: None,
            });
        }
        embedded.map(|asset| Asset {
            content_type: content_type(name),
            hash: asset.hash.to_owned(),
            plain: asset.plain.into(),
            brotli: asset.brotli,
            gzip: asset.gzip,
        })
    }

    /// Name and source of every template.
    pub(crate) fn templates(&self) -> io::Result<Vec<(Cow<'static, str>, Cow<'static, str>)>> {
        match &self.checkout {
            None => Ok(TEMPLATES
                .iter()
                .map(|(name, source)| ((*name).into(), (*source).into()))
                .collect()),
            Some(checkout) => {
                let folder = checkout.join("templates");
                let mut found = Vec::new();
                collect(&folder, &folder, &mut found)?;
                Ok(found)
            }
        }
    }
}

fn collect(
    root: &Path,
    folder: &Path,
    found: &mut Vec<(Cow<'static, str>, Cow<'static, str>)>,
) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, found)?;
        } else if let Ok(name) = path.strip_prefix(root) {
            let name = name.to_string_lossy().replace('\\', "/");
            found.push((name.into(), std::fs::read_to_string(&path)?.into()));
        }
    }
    Ok(())
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        _ => "application/octet-stream",
    }
}

/// The same hash as the build makes.
fn hash(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes)[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_to_its_asset_and_an_old_one_nowhere() {
        for assets in [Assets::embedded(), Assets::from_checkout()] {
            let url = assets.url("site.css").unwrap();
            let file = url.strip_prefix("/static/").unwrap();

            assert!(
                assets
                    .find_hashed(file)
                    .is_some_and(|asset| asset.content_type.starts_with("text/css"))
            );
            assert!(assets.find_hashed("site.0123456789abcdef.css").is_none());
            assert!(assets.find("../Cargo.toml").is_none());
            assert!(assets.url("nothing.css").is_none());
        }
    }

    #[test]
    fn what_is_embedded_is_what_is_in_the_checkout() -> io::Result<()> {
        let mut embedded = Assets::embedded().templates()?;
        let mut live = Assets::from_checkout().templates()?;
        embedded.sort();
        live.sort();

        assert_eq!(embedded, live);
        assert_eq!(
            Assets::embedded().url("site.css"),
            Assets::from_checkout().url("site.css")
        );
        Ok(())
    }

    #[test]
    fn text_is_compressed_when_the_program_is_built() {
        let sheet = Assets::embedded().find("site.css").unwrap();

        for compressed in [sheet.brotli, sheet.gzip] {
            assert!(compressed.is_some_and(|bytes| bytes.len() < sheet.plain.len() / 2));
        }
    }
}
