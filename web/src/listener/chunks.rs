//! Where a body ends (RFC 9112, sections 6 and 7).

/// How much of a body is still to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes.
    Length(u64),
    /// Chunks, until one of no length.
    Chunked(Chunks),
    /// Everything until the connection ends.
    Unknown,
}

/// The body is not what its framing says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadChunk;

impl Framing {
    /// No body.
    pub(super) const NONE: Self = Self::Length(0);

    /// Whether all of it was seen.
    pub(super) fn is_complete(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(chunks) => *chunks == Chunks::End,
            Self::Unknown => false,
        }
    }

    /// How many bytes will still come at the least, if what was said holds.
    pub(super) fn announced(&self) -> u64 {
        match self {
            Self::Length(left) | Self::Chunked(Chunks::Data(left)) => *left,
            Self::Chunked(_) | Self::Unknown => 0,
        }
    }

    /// Takes note of the bytes that come next, and tells how many of them belong to the body.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> Result<usize, BadChunk> {
        match self {
            Self::Unknown => Ok(bytes.len()),
            Self::Length(left) => {
                let taken = bytes
                    .len()
                    .min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= taken as u64;
                Ok(taken)
            }
            Self::Chunked(chunks) => chunks.advance(bytes),
        }
    }
}

/// Where in a body of chunks the next byte stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Chunks {
    /// In the length of a chunk, which is so far this, and whether it has a digit yet.
    Size(u64, bool),
    /// Behind the length, in extensions that nobody reads.
    Extension(u64),
    /// Before the line feed that ends the line of the length.
    SizeEnd(u64),
    /// Among the bytes of a chunk, of which so many are left.
    Data(u64),
    /// Before the carriage return behind a chunk.
    DataReturn,
    /// Before the line feed behind a chunk.
    DataEnd,
    /// At the start of a line behind the last chunk.
    TrailerStart,
    /// Within such a line.
    Trailer,
    /// Before the line feed that ends such a line.
    TrailerEnd,
    /// Before the last line feed.
    LastEnd,
    /// Behind the body.
    End,
}

impl Chunks {
    /// Before the first chunk.
    pub(super) const START: Self = Self::Size(0, false);

    fn advance(&mut self, bytes: &[u8]) -> Result<usize, BadChunk> {
        let mut at = 0;
        while at < bytes.len() && *self != Self::End {
            if let Self::Data(left) = self {
                let taken = (bytes.len() - at).min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= taken as u64;
                at += taken;
                if *left == 0 {
                    *self = Self::DataReturn;
                }
            } else {
                *self = self.after(bytes[at])?;
                at += 1;
            }
        }
        Ok(at)
    }

    /// What comes after a byte that is no data.
    fn after(&self, byte: u8) -> Result<Self, BadChunk> {
        Ok(match (self, byte) {
            (Self::Size(size, _), b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                let size = size.checked_mul(16).map(|size| size | u64::from(digit));
                // One that is too large to be counted is no less well-formed.
                Self::Size(size.unwrap_or(u64::MAX), true)
            }
            (Self::Size(size, true) | Self::Extension(size), b'\r') => Self::SizeEnd(*size),
            (Self::Size(size, true), b';')
            | (Self::Extension(size), b'\t' | b' '..=b'~' | 128..) => Self::Extension(*size),
            (Self::SizeEnd(0) | Self::TrailerEnd, b'\n') => Self::TrailerStart,
            (Self::SizeEnd(size), b'\n') => Self::Data(*size),
            (Self::DataReturn, b'\r') => Self::DataEnd,
            (Self::DataEnd, b'\n') => Self::START,
            (Self::TrailerStart, b'\r') => Self::LastEnd,
            (Self::Trailer, b'\r') => Self::TrailerEnd,
            // A bare line feed is rejected: actix doesn't end a trailer line there and would wait for more.
            (Self::TrailerStart | Self::Trailer, _) if byte != b'\n' => Self::Trailer,
            (Self::LastEnd, b'\n') => Self::End,
            _ => return Err(BadChunk),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_counted_down() {
        let mut body = Framing::Length(5);

        assert_eq!(body.advance(b"abc"), Ok(3));
        assert!(!body.is_complete());
        assert_eq!(body.advance(b"defg"), Ok(2));
        assert!(body.is_complete());
    }

    #[test]
    fn chunks_end_at_the_same_byte_however_they_are_cut() {
        let body = b"5\r\nhello\r\nA;x=\"y\"\r\n0123456789\r\n0\r\nTrailer: yes\r\n\r\n";
        let next = b"GET / HTTP/1.1\r\n";
        let bytes = [&body[..], next].concat();

        for size in 1..bytes.len() {
            let mut framing = Framing::Chunked(Chunks::START);
            let mut seen = 0;
            for part in bytes.chunks(size) {
                seen += framing.advance(part).unwrap();
            }

            assert!(framing.is_complete(), "{size}");
            assert_eq!(seen, body.len(), "{size}");
        }
    }

    #[test]
    fn a_chunk_announces_its_length_however_large() {
        for (bytes, announced) in [
            (&b"7d1\r\n"[..], 2001),
            (b"7d1\r\nabc", 1998),
            (b"00000000000000000000a\r\n", 10),
            (b"ffffffffffffffff\r\n", u64::MAX),
            (b"10000000000000000\r\n", u64::MAX),
            (b"fffffffffffffffffffffffff;x\r\n", u64::MAX),
            (b"7d1", 0),
        ] {
            let mut framing = Framing::Chunked(Chunks::START);

            assert_eq!(framing.advance(bytes), Ok(bytes.len()));

            assert_eq!(framing.announced(), announced, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        for bytes in [
            &b"x\r\n"[..],
            b"\r\n",
            b"5\nhello",
            b"5\r\nhelloX",
            b"-1\r\n",
            b"0\r\n\n",
            b"0\r\nX: y\n\r\n",
            b"0\r\nX: y\ry\r\n\r\n",
            b"3 \r\nabc",
            b"3 x\r\nabc",
            b"3;x\0\r\nabc",
            b"3;x\nabc",
        ] {
            let mut framing = Framing::Chunked(Chunks::START);

            assert_eq!(
                framing.advance(bytes),
                Err(BadChunk),
                "{}",
                bytes.escape_ascii()
            );
        }
    }
}
