//! Content-Encoding: negotiation and compression; the ETag that all encodings share.

use std::io::{self, Write};

use actix_web::http::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue, IF_NONE_MATCH};
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
    /// The value of Content-Encoding.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// Compresses bytes.
    pub(crate) fn encode(self, bytes: &[u8], effort: Effort) -> io::Result<Vec<u8>> {
        let (quality, level) = match effort {
            Effort::Fast => (4, Compression::fast()),
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
        }
        Ok(compressed)
    }
}

const CODINGS: [(&str, Option<Encoding>); 4] = [
    ("br", Some(Encoding::Brotli)),
    ("gzip", Some(Encoding::Gzip)),
    ("x-gzip", Some(Encoding::Gzip)),
    ("identity", None),
];

/// The encoding that a client prefers; `None` for no compression. A client that accepts nothing gets the plain text
/// instead of a 406, as RFC 9110, section 12.5.3, allows.
///
/// Unlike actix's parser, this one ignores an entry that it can't read, and not the whole header.
pub(crate) fn negotiate(headers: &HeaderMap) -> Option<Encoding> {
    let mut chosen = (None, 0.0);
    for header in headers.get_all(ACCEPT_ENCODING) {
        for entry in String::from_utf8_lossy(header.as_bytes()).split(',') {
            let mut parts = entry.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let encoding = CODINGS
                .iter()
                .find(|(coding, _)| name.eq_ignore_ascii_case(coding));
            let Some(&(_, encoding)) = encoding else {
                continue;
            };
            let quality = parts
                .find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")))
                .unwrap_or("1");
            let quality: f32 = quality.parse().unwrap_or(0.0);
            let is_brotli = encoding == Some(Encoding::Brotli);
            if quality > chosen.1 || (is_brotli && quality > 0.0 && quality >= chosen.1) {
                chosen = (encoding, quality);
            }
        }
    }
    chosen.0
}

/// The ETag of a text. Weak, because every encoding of the text has the same one.
pub(crate) fn entity_tag(bytes: &[u8]) -> HeaderValue {
    weak_tag(&hex::encode(&Sha256::digest(bytes)[..12]))
}

/// The ETag of a content with this hash.
pub(crate) fn weak_tag(hash: &str) -> HeaderValue {
    let tag = HeaderValue::from_str(&format!("W/\"{hash}\""));
    tag.expect("a hexadecimal tag is a valid header value")
}

/// Whether the client has the content with this ETag (If-None-Match; RFC 9110, section 13.1.2).
pub(crate) fn is_known(request: &HeaderMap, tag: &HeaderValue) -> bool {
    /// Without quotes, which some clients drop, and without what Apache appends when it compresses.
    fn opaque(tag: &[u8]) -> &[u8] {
        let tag = tag.strip_prefix(b"W/").unwrap_or(tag);
        let tag = tag.strip_prefix(b"\"").unwrap_or(tag);
        let tag = tag.strip_suffix(b"\"").unwrap_or(tag);
        let suffixes: [&[u8]; 3] = [b"-gzip", b"-br", b";gzip"];
        let known = suffixes.iter().find_map(|suffix| tag.strip_suffix(*suffix));
        known.unwrap_or(tag)
    }
    let mut lists = request.get_all(IF_NONE_MATCH);
    lists.any(|list| {
        let mut entries = list.as_bytes().split(|byte| *byte == b',');
        entries.any(|entry| {
            let entry = entry.trim_ascii();
            entry == b"*" || opaque(entry) == opaque(tag.as_bytes())
        })
    })
}

/// Whether a Content-Type is that of text, which is worth compressing.
pub(crate) fn is_text(content_type: Option<&HeaderValue>) -> bool {
    let value = content_type.map(HeaderValue::as_bytes).unwrap_or_default();
    [
        &b"text/"[..],
        b"application/json",
        b"application/xml",
        b"application/atom+xml",
        b"image/svg+xml",
    ]
    .iter()
    .any(|kind| value.starts_with(kind))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    const BROTLI: Option<Encoding> = Some(Encoding::Brotli);
    const GZIP: Option<Encoding> = Some(Encoding::Gzip);

    fn negotiated(value: &str) -> Option<Encoding> {
        let request = TestRequest::default().insert_header((ACCEPT_ENCODING, value));
        negotiate(request.to_http_request().headers())
    }

    #[test]
    fn brotli_is_the_default_preference() {
        assert_eq!(negotiated("gzip, deflate, br, zstd"), BROTLI);
        assert_eq!(negotiated("gzip, deflate"), GZIP);
        assert_eq!(negotiated("br;q=0.5, gzip"), GZIP);
        assert_eq!(negotiated("gzip;q=0.8, br;q=0.8"), BROTLI);
        assert_eq!(negotiated("identity, gzip;q=0.5"), None);
    }

    #[test]
    fn an_odd_entry_is_ignored() {
        for (value, expected) in [
            ("br;q=1.0000, gzip;q=0.5", BROTLI),
            ("gzip;q=abc, br", BROTLI),
            ("gzip, , deflate;;", GZIP),
            ("br;level=5", BROTLI),
            ("zstd, br;q=0.9;x", BROTLI),
            ("deflate, \u{e9}, X-GZIP", GZIP),
            ("gzip;q=NaN", None),
            ("gzip;Q=0", None),
        ] {
            assert_eq!(negotiated(value), expected, "{value}");
        }
    }

    #[test]
    fn an_entity_tag_changed_by_a_proxy_is_recognized() {
        let tag = weak_tag("abc");
        for (list, expected) in [
            ("W/\"abc\"", true),
            ("\"x\", W/\"abc\",", true),
            ("*", true),
            // hapijs/hapi#3956, jshttp/fresh#17: nginx makes a tag weak or strong.
            ("\"abc\"", true),
            // rails/rails#19056, symfony/symfony#25475, Elgg/Elgg#9427: Apache appends a suffix.
            ("W/\"abc-gzip\"", true),
            ("\"abc-br\"", true),
            ("\"abc;gzip\"", true),
            ("abc", true),
            ("\"abcd\"", false),
            ("\"\", W/, \"-gzip\"", false),
            ("", false),
        ] {
            let request = TestRequest::default().insert_header((IF_NONE_MATCH, list));
            let request = request.to_http_request();
            assert_eq!(is_known(request.headers(), &tag), expected, "{list}");
        }
    }

    #[test]
    fn a_client_without_a_common_encoding_gets_identity() {
        assert_eq!(negotiate(&HeaderMap::new()), None);
        for value in "identity|zstd|br;q=0, gzip;q=0|*;q=0|identity;q=0".split('|') {
            assert_eq!(negotiated(value), None, "{value}");
        }
    }
}
