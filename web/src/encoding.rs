//! Which compression a client takes, and how to make it.

use std::io::{self, Write};

use actix_web::http::header::{self, AcceptEncoding};
use flate2::Compression;
use flate2::write::GzEncoder;

/// How a body is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Brotli (RFC 7932).
    Brotli,
    /// Gzip (RFC 1952).
    Gzip,
    /// As it is.
    Identity,
}

impl Encoding {
    /// Its name in the header, if it needs one.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
            Self::Identity => None,
        }
    }

    /// The bytes, compressed fast rather than small: this is for pages, which are made anew at each request.
    pub(crate) fn encode(self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut compressed = Vec::with_capacity(bytes.len() / 3);
        match self {
            Self::Brotli => {
                let parameters = brotli::enc::BrotliEncoderParams {
                    quality: 4,
                    ..Default::default()
                };
                brotli::BrotliCompress(&mut &bytes[..], &mut compressed, &parameters)?;
            }
            Self::Gzip => {
                let mut encoder = GzEncoder::new(&mut compressed, Compression::default());
                encoder.write_all(bytes)?;
                encoder.finish()?;
            }
            Self::Identity => compressed.extend_from_slice(bytes),
        }
        Ok(compressed)
    }
}

/// The best that a client takes. One that takes nothing of ours gets the bytes as they are rather than a 406
/// (RFC 9110, section 12.5.3, allows both).
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
    fn brotli_is_preferred_where_a_client_has_no_preference() {
        assert_eq!(negotiated("gzip, deflate, br, zstd"), Encoding::Brotli);
        assert_eq!(negotiated("gzip, deflate"), Encoding::Gzip);
        assert_eq!(negotiated("br;q=0.5, gzip"), Encoding::Gzip);
    }

    #[test]
    fn a_client_that_takes_nothing_of_ours_gets_the_plain_bytes() {
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
