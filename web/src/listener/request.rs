//! Cutting a request out of what a client sent, and holding its head against the limits.

use super::chunks::{Chunks, Framing};
use super::limits::{LONGEST_ADDRESS, LONGEST_FIELDS, MOST_FIELDS};
use super::refusal::Refusal;

/// What the first bytes of a connection, or those behind a request, are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// The beginning of a head.
    Partial,
    /// A head that may pass.
    Whole(Head),
    /// Nothing that can be answered with a page that was asked for.
    Refused(Refusal),
}

/// The head of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// Its length (bytes).
    pub(super) length: usize,
    /// How the body is sent that follows it.
    pub(super) body: Framing,
    /// Whether it is one of HTTP/1.0, whose connections end after an answer unless it says otherwise.
    pub(super) is_old: bool,
    /// Whether it asks before it sends its body.
    pub(super) expects_word: bool,
    /// Whether a machine asks how the process is: answered however busy it is.
    pub(super) is_probe: bool,
}

/// Reads the head at the start of `bytes`. `largest_body` is in bytes.
pub(super) fn parse(bytes: &[u8], largest_body: usize) -> Parsed {
    let mut headers = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut request = httparse::Request::new(&mut headers);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => {
            return too_long(bytes).map_or(Parsed::Partial, Parsed::Refused);
        }
        // A client that sends too much may also be cut off in the middle of a word.
        Err(httparse::Error::TooManyHeaders) => return Parsed::Refused(Refusal::HeadTooLarge),
        Err(_) => return Parsed::Refused(too_long(bytes).unwrap_or(Refusal::Bad)),
    };
    if let Some(refusal) = too_long(&bytes[..length]) {
        return Parsed::Refused(refusal);
    }
    let body = match framing(request.headers) {
        Ok(Framing::Length(length)) if length > largest_body as u64 => {
            return Parsed::Refused(Refusal::BodyTooLarge);
        }
        Ok(body) => body,
        Err(refusal) => return Parsed::Refused(refusal),
    };
    let path = request.path.unwrap_or_default();
    let is_old = request.version == Some(0);
    let expects_word = |header: &httparse::Header<'_>| {
        let mut words = header.value.split(|byte| *byte == b',');
        header.name.eq_ignore_ascii_case("expect")
            && words.any(|word| word.trim_ascii().eq_ignore_ascii_case(b"100-continue"))
    };
    Parsed::Whole(Head {
        length,
        body,
        is_old,
        expects_word: !is_old && request.headers.iter().any(expects_word),
        is_probe: matches!(path, "/healthz" | "/readyz"),
    })
}

/// Where a request begins: empty lines before it are allowed (RFC 9112, section 2.2).
fn start(bytes: &[u8]) -> usize {
    let begins = |byte: &u8| !matches!(byte, b'\r' | b'\n');
    bytes.iter().position(begins).unwrap_or(bytes.len())
}

/// Whether what begins there asks for a head alone.
pub(super) fn is_for_head(bytes: &[u8]) -> bool {
    bytes[start(bytes)..].starts_with(b"HEAD ")
}

/// Has a head ask for no other protocol: a server may ignore that (RFC 9110, section 7.8), while the parser behind us
/// would wait for a body without an end.
pub(super) fn ignore_upgrades(head: &mut [u8]) {
    for line in head.split_mut(|byte| *byte == b'\n') {
        if let Some(name) = line.first_chunk_mut::<8>()
            && name.eq_ignore_ascii_case(b"upgrade:")
        {
            *name = *b"ignored:";
        }
    }
}

/// What is too long in a head, or in the beginning of one.
fn too_long(bytes: &[u8]) -> Option<Refusal> {
    let start = start(bytes);
    let end = bytes[start..].iter().position(|byte| *byte == b'\n');
    let line = &bytes[start..end.map_or(bytes.len(), |end| start + end)];
    let address = line.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    if address.len() > LONGEST_ADDRESS {
        Some(Refusal::AddressTooLong)
    } else if bytes.len() - address.len() > LONGEST_FIELDS {
        Some(Refusal::HeadTooLarge)
    } else {
        None
    }
}

/// How the body is sent. What could be read in two ways is refused: another server on the way may read the other.
fn framing(headers: &[httparse::Header<'_>]) -> Result<Framing, Refusal> {
    let mut framing = None;
    for header in headers {
        let found = if header.name.eq_ignore_ascii_case("content-length") {
            Framing::Length(length(header.value.trim_ascii()).ok_or(Refusal::Bad)?)
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            if !header.value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                return Err(Refusal::Bad);
            }
            Framing::Chunked(Chunks::START)
        } else {
            continue;
        };
        if framing.replace(found).is_some() {
            return Err(Refusal::Bad);
        }
    }
    Ok(framing.unwrap_or(Framing::NONE))
}

/// The number that is written there; one that is too large to be counted is no less well-formed.
fn length(digits: &[u8]) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let digits = std::str::from_utf8(digits).ok().filter(|_| is_number)?;
    Some(digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(line: &str, headers: &str) -> Vec<u8> {
        format!("{line}\r\nHost: localhost\r\n{headers}\r\n").into_bytes()
    }

    fn body_of(headers: &str) -> Option<Framing> {
        match parse(&request("POST / HTTP/1.1", headers), 1000) {
            Parsed::Whole(head) => Some(head.body),
            _ => None,
        }
    }

    #[test]
    fn a_head_is_cut_where_it_ends() {
        let mut bytes = request("HEAD / HTTP/1.0", "");
        let length = bytes.len();
        bytes.extend(b"GET /next HTTP/1.1\r\n");

        let head = Head {
            length,
            body: Framing::NONE,
            is_old: true,
            expects_word: false,
            is_probe: false,
        };
        assert!(is_for_head(&bytes));
        assert_eq!(parse(&bytes, 0), Parsed::Whole(head));
        assert_eq!(parse(&bytes[..length - 1], 0), Parsed::Partial);
    }

    #[test]
    fn a_body_is_framed_in_one_way_or_refused() {
        assert_eq!(body_of(""), Some(Framing::Length(0)));
        assert_eq!(body_of("Content-Length: 12\r\n"), Some(Framing::Length(12)));
        assert_eq!(
            body_of("transfer-encoding: Chunked\r\n"),
            Some(Framing::Chunked(Chunks::START))
        );
        for headers in [
            "Content-Length: +1\r\n",
            "Content-Length: -1\r\n",
            "Content-Length:\r\n",
            "Content-Length: 1, 1\r\n",
            "Content-Length: 1\r\nContent-Length: 1\r\n",
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        ] {
            assert_eq!(body_of(headers), None, "{headers}");
        }
    }

    #[test]
    fn a_head_can_be_made_to_ask_for_no_upgrade() {
        let mut bytes = request(
            "GET /upgrade: HTTP/1.1",
            "UPGRADE: websocket\r\nX-Upgrade: a\r\n",
        );

        ignore_upgrades(&mut bytes);

        let expected = request(
            "GET /upgrade: HTTP/1.1",
            "ignored: websocket\r\nX-Upgrade: a\r\n",
        );
        assert_eq!(bytes, expected);
    }

    #[test]
    fn what_is_too_long_is_told_apart() {
        let refusal = |bytes: &[u8]| match parse(bytes, 1000) {
            Parsed::Refused(refusal) => Some(refusal),
            _ => None,
        };
        let address = "a".repeat(LONGEST_ADDRESS + 1);
        let field = "a".repeat(LONGEST_FIELDS);

        for (expected, bytes) in [
            (
                Refusal::AddressTooLong,
                request(&format!("GET /{address} HTTP/1.1"), ""),
            ),
            (
                Refusal::AddressTooLong,
                format!("GET /{address}").into_bytes(),
            ),
            (
                Refusal::HeadTooLarge,
                request("GET / HTTP/1.1", &format!("X-Long: {field}\r\n")),
            ),
            (
                Refusal::HeadTooLarge,
                format!("GET / HTTP/1.1\r\nX-Long: {field}").into_bytes(),
            ),
            (
                Refusal::HeadTooLarge,
                request("GET / HTTP/1.1", &"X: y\r\n".repeat(MOST_FIELDS)),
            ),
            (
                Refusal::BodyTooLarge,
                request("POST / HTTP/1.1", "Content-Length: 1001\r\n"),
            ),
            (
                Refusal::BodyTooLarge,
                request(
                    "POST / HTTP/1.1",
                    "Content-Length: 99999999999999999999999\r\n",
                ),
            ),
            (
                Refusal::Bad,
                request(
                    "POST / HTTP/1.1",
                    "Content-Length: 99999999999999999999999\r\nTransfer-Encoding: chunked\r\n",
                ),
            ),
            (Refusal::HeadTooLarge, b"\r\n".repeat(LONGEST_FIELDS)),
            (Refusal::Bad, b"this is not HTTP\r\n\r\n".to_vec()),
            (Refusal::Bad, b"\x16\x03\x01\x02\x00\x01\x00".to_vec()),
        ] {
            assert_eq!(refusal(&bytes), Some(expected), "{expected:?}");
        }
    }
}
