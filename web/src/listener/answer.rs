//! Following what the site answers, so that its end is known and nothing leaves that is not the site's own.

use super::chunks::{Chunks, Framing};

/// The header that every answer of the site has, and no answer of the parser behind us.
const OURS: &str = "content-security-policy";

/// The longest head of an answer (bytes), against a fault of ours.
const LONGEST_HEAD: usize = 256 << 10;

/// The answer to one request, as far as it was given.
#[derive(Debug)]
pub(super) struct Answer {
    /// Whether the answer has no body whatever its head says.
    to_head: bool,
    state: State,
    /// Whether the connection ends after it.
    pub(super) closes: bool,
}

#[derive(Debug)]
enum State {
    /// The head, as far as it has come.
    Head(Vec<u8>),
    Body(Framing),
}

/// Why an answer may not leave.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stray {
    /// It is none of the site's: the parser refused the request with this status.
    Bare(u16),
    /// It makes no sense.
    Broken,
}

impl Answer {
    /// The answer to a request of that kind. HTTP/1.0 ends a connection unless both sides say otherwise.
    pub(super) fn new(to_head: bool, to_old: bool) -> Self {
        Self {
            to_head,
            state: State::Head(Vec::new()),
            closes: to_old,
        }
    }

    /// Whether a byte of it may have left.
    pub(super) fn has_begun(&self) -> bool {
        matches!(self.state, State::Body(_))
    }

    /// Whether all of it was given.
    pub(super) fn is_complete(&self) -> bool {
        matches!(&self.state, State::Body(framing) if framing.is_complete())
    }

    /// Whether `bytes` can be sent as they are: they belong to a body that has begun.
    pub(super) fn is_in_body(&self) -> bool {
        matches!(&self.state, State::Body(framing) if !framing.is_complete())
    }

    /// Takes note of bytes that were sent, and tells how many of them belong to the body.
    pub(super) fn sent(&mut self, bytes: &[u8]) -> Result<usize, Stray> {
        match &mut self.state {
            State::Body(framing) => framing.advance(bytes).map_err(|_| Stray::Broken),
            State::Head(_) => Err(Stray::Broken),
        }
    }

    /// Takes the next bytes of the answer, and puts what may be sent of them into `out`. With `close`, the head says
    /// that the connection ends.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        close: bool,
    ) -> Result<(), Stray> {
        let State::Head(kept) = &mut self.state else {
            let count = self.sent(bytes)?;
            out.extend_from_slice(&bytes[..count]);
            return Ok(());
        };
        kept.extend_from_slice(bytes);
        let Some(head) = read_head(kept)? else {
            return Ok(());
        };
        let kept = std::mem::take(kept);
        let (text, rest) = kept.split_at(head.length);
        if head.is_interim {
            // The client was told to go on when its body was wanted.
            return self.take(rest, out, close);
        }
        if !head.is_ours {
            return Err(Stray::Bare(head.status));
        }
        self.closes = match head.keeps_alive {
            Some(keeps_alive) => !keeps_alive,
            None => self.closes,
        };
        if close && !self.closes {
            self.closes = true;
            let line = text
                .iter()
                .position(|byte| *byte == b'\n')
                .unwrap_or_default()
                + 1;
            out.extend_from_slice(&text[..line]);
            out.extend_from_slice(b"connection: close\r\n");
            out.extend_from_slice(&text[line..]);
        } else {
            out.extend_from_slice(text);
        }
        let bodyless = self.to_head || matches!(head.status, 204 | 304);
        self.state = State::Body(if bodyless { Framing::NONE } else { head.body });
        self.take(rest, out, close)
    }
}

/// What the head of an answer says.
struct Head {
    length: usize,
    status: u16,
    is_interim: bool,
    is_ours: bool,
    keeps_alive: Option<bool>,
    body: Framing,
}

fn read_head(bytes: &[u8]) -> Result<Option<Head>, Stray> {
    let mut headers = [httparse::EMPTY_HEADER; 128];
    let mut response = httparse::Response::new(&mut headers);
    let length = match response.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if bytes.len() < LONGEST_HEAD => return Ok(None),
        _ => return Err(Stray::Broken),
    };
    let status = response.code.unwrap_or_default();
    let mut head = Head {
        length,
        status,
        is_interim: (100..200).contains(&status),
        is_ours: false,
        keeps_alive: None,
        body: Framing::Unknown,
    };
    for header in response.headers {
        let name = header.name;
        if name.eq_ignore_ascii_case(OURS) {
            head.is_ours = true;
        } else if name.eq_ignore_ascii_case("connection") {
            head.keeps_alive = Some(header.value.eq_ignore_ascii_case(b"keep-alive"));
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            head.body = Framing::Chunked(Chunks::START);
        } else if name.eq_ignore_ascii_case("content-length") {
            let length = std::str::from_utf8(header.value)
                .ok()
                .and_then(|text| text.parse().ok());
            head.body = Framing::Length(length.ok_or(Stray::Broken)?);
        }
    }
    Ok(Some(head))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &[u8] =
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nContent-Security-Policy: x\r\n\r\nhello";

    /// The answer and what of it was sent, given in parts of that size.
    fn given(bytes: &[u8], size: usize, to_head: bool, close: bool) -> (Answer, Vec<u8>) {
        let mut answer = Answer::new(to_head, false);
        let mut out = Vec::new();
        for part in bytes.chunks(size) {
            answer.take(part, &mut out, close).unwrap();
        }
        (answer, out)
    }

    #[test]
    fn an_answer_ends_where_its_head_says() {
        for size in 1..PAGE.len() {
            let (answer, out) = given(PAGE, size, false, false);
            assert!(answer.is_complete() && !answer.closes, "{size}");
            assert_eq!(out, PAGE, "{size}");
        }
        assert!(
            !given(&PAGE[..PAGE.len() - 1], 1000, false, false)
                .0
                .is_complete()
        );
        assert!(
            given(&PAGE[..PAGE.len() - 5], 1000, true, false)
                .0
                .is_complete()
        );
    }

    #[test]
    fn a_word_in_between_is_held_back() {
        let bytes = [b"HTTP/1.1 100 Continue\r\n\r\n", PAGE].concat();

        let (answer, out) = given(&bytes, 1000, false, false);

        assert!(answer.is_complete());
        assert_eq!(out, PAGE);
    }

    #[test]
    fn an_answer_can_be_made_the_last() {
        let (answer, out) = given(PAGE, 1000, false, true);

        assert!(answer.closes);
        assert!(out.starts_with(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length"));
    }

    #[test]
    fn an_answer_of_the_parser_is_found_out() {
        let bare = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let mut answer = Answer::new(false, false);
        let mut out = Vec::new();

        assert_eq!(answer.take(bare, &mut out, false), Err(Stray::Bare(400)));
        assert!(out.is_empty() && !answer.has_begun());
    }
}
