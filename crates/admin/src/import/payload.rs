//! The file in the preview page: compressed, with a signature that shows that this user has seen
//! the preview.

use std::io::{Read, Write};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use oc_core::admin::Resource;
use oc_http::PageError;

use crate::import::upload::MAX_FILE_BYTES;
use crate::secret_key::SecretKey;

/// The signature for a user, a file and the digest of its changes.
pub(crate) fn sign(
    key: &SecretKey,
    user_id: i64,
    model: &Resource,
    content: &str,
    digest: &str,
) -> String {
    let words = [&*user_id.to_string(), &*model.key(), content, digest];
    key.sign("import", &words)
}

/// Encodes a file for a page.
pub(crate) fn encode(bytes: &[u8]) -> Result<String, PageError> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let packed = encoder.write_all(bytes).and_then(|()| encoder.finish());
    let packed = packed.map_err(|error| PageError::Internal(error.into()))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(packed))
}

/// Decodes the file of a page; `None` if it is invalid or too large.
pub(crate) fn decode(content: &str) -> Option<Vec<u8>> {
    let packed = BASE64_URL_SAFE_NO_PAD.decode(content).ok()?;
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_FILE_BYTES).ok()?;
    GzDecoder::new(&*packed)
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .ok()?;
    (bytes.len() <= MAX_FILE_BYTES).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_survives_the_page_and_a_bomb_does_not() {
        let bytes = b"id,title\r\n1,\"a\nb\"\r\n".to_vec();
        let packed = encode(&bytes).unwrap();

        assert_eq!(decode(&packed), Some(bytes));
        assert_eq!(decode("nonsense!"), None);
        assert_eq!(
            decode(&encode(&vec![b'a'; MAX_FILE_BYTES + 1]).unwrap()),
            None
        );
    }
}
