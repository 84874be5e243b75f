//! Content-Encoding: negotiation and compression; the ETag that all encodings share.

use std::io::{self, Write};

use actix_web::http::header::{self, AcceptEncoding, EntityTag, HeaderValue};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

/// A content coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Encoding {
    /// Brotli (RFC 7932).
    Brotli,
    /// Gzip (RFC 1952).
    Gzip,
    /// Not compressed.
    Identity,
}

/// How much time compression may take.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Effort {
    /// For pages that are compressed at every request.
    Fast,
    /// For pages that are compressed once per change of the content.
    Cached,
    /// For assets, which are compressed once.
    Best,
}

impl Encoding {
    /// The value of Content-Encoding, if the response needs one.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
            Self::Identity => None,
        }
    }

    /// Compresses bytes.
    pub(crate) fn encode(self, bytes: &[u8], effort: Effort) -> io::Result<Vec<u8>> {
        let (quality, level) = match effort {
            Effort::Fast => (4, Compression::default()),
            Effort::Cached => (6, Compression::default()),
            Effort::Best => (11, Compression::best()),
        };
        let mut compressed = Vec::with_capacity(bytes.len() / 3);
        match self {
            Self::Brotli => {
                let parameters = brotli::enc::BrotliEncoderParams {
                    quality,
                    ..Default::default()
                };
                brotli::BrotliCompress(&mut &bytes[..], &mut compressed, &parameters)?;
            }
            Self::Gzip => {
                let mut encoder = GzEncoder::new(&mut compressed, level);
                encoder.write_all(bytes)?;
                encoder.finish()?;
            }
            Self::Identity => compressed.extend_from_slice(bytes),
        }
        Ok(compressed)
    }
}

/// The encoding that a client prefers. One that accepts none gets identity instead of a 406, as RFC 9110,
/// section 12.5.3, allows.
pub(crate) fn negotiate(accepted: Option<&AcceptEncoding>) -> Encoding {
    let supported = [
        header::Encoding::brotli(),
        header::Encoding::gzip(),
        header::Encoding::identity(),
    ];
    let chosen = accepted.and_then(|accepted| accepted.negotiate(supported.iter()));
    if chosen == Some(header::Encoding::brotli()) {
        Encoding::Brotli
    } else if chosen == Some(header::Encoding::gzip()) {
        Encoding::Gzip
    } else {
        Encoding::Identity
    }
}

/// The ETag of a text. Weak, because every encoding of the text has the same one.
pub(crate) fn entity_tag(bytes: &[u8]) -> EntityTag {
    let digest = Sha256::digest(bytes);
    EntityTag::new_weak(hex::encode(&digest[..12]))
}

/// Whether a Content-Type is that of text, which is worth compressing.
pub(crate) fn is_text(content_type: Option<&HeaderValue>) -> bool {
    let value = content_type.map(HeaderValue::as_bytes).unwrap_or_default();
    [
        &b"text/"[..],
        b"application/json",
        b"application/xml",
        b"application/atom+xml",
    ]
    .iter()
    .any(|kind| value.starts_with(kind))
}

#[cfg(test)]
mod tests {
    use actix_web::HttpMessage;
    use actix_web::test::TestRequest;

    use super::*;

    fn negotiated(value: &str) -> Encoding {
        let request = TestRequest::default().insert_header((header::ACCEPT_ENCODING, value));
        negotiate(request.to_http_request().get_header().as_ref())
    }

    #[test]
    fn brotli_is_the_default_preference() {
        assert_eq!(negotiated("gzip, deflate, br, zstd"), Encoding::Brotli);
        assert_eq!(negotiated("gzip, deflate"), Encoding::Gzip);
        assert_eq!(negotiated("br;q=0.5, gzip"), Encoding::Gzip);
    }

    #[test]
    fn a_client_without_a_common_encoding_gets_identity() {
        assert_eq!(negotiate(None), Encoding::Identity);
        for value in [
            "identity",
            "zstd",
            "br;q=0, gzip;q=0",
            "*;q=0",
            "identity;q=0",
        ] {
            assert_eq!(negotiated(value), Encoding::Identity, "{value}");
        }
    }
}
