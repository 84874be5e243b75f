//! Text without what a log must not keep: e-mail addresses, and the passwords of addresses such as
//! `postgres://oc:secret@db/oc`.
//!
//! A text may be part of an address of a page, in which every character may stand as an escape (`%40`), or as an
//! escape of one (`%2540`). It is read as whoever unescapes it to the end would, and cut where it was written.

use std::borrow::Cow;
use std::ops::Range;

/// What stands in the place of an e-mail address.
const EMAIL: &str = "[email]";

/// What stands in the place of a password.
const PASSWORD: &str = "***";

/// A character and the place where it is written.
struct Letter {
    is: char,
    start: usize,
    end: usize,
}

impl Letter {
    /// Its bytes in the text: more the more often it is escaped.
    fn width(&self) -> usize {
        self.end - self.start
    }
}

/// The text without e-mail addresses and passwords. Takes time in proportion to its length.
pub(crate) fn redacted(text: &str) -> Cow<'_, str> {
    if !text.contains(['@', '%', '\u{ff20}', '\u{fe6b}']) {
        return Cow::Borrowed(text);
    }
    let letters = letters(text);
    let mut secrets = Vec::new();
    let mut at = 0;
    while at < letters.len() {
        if let Some(info) = user_info(&letters, at) {
            let colon = info.clone().find(|place| letters[*place].is == ':');
            let name = info.start..colon.unwrap_or(info.end);
            emails(&letters, name, &mut secrets);
            if let Some(colon) = colon {
                secrets.push((colon + 1..info.end, PASSWORD));
            }
            // The at sign behind it makes no e-mail address of a host.
            at = info.end + 1;
        } else if is_of_name(letters[at].is) {
            let end = end_of(&letters, at, |letter| is_of_name(letter.is));
            emails(&letters, at..end, &mut secrets);
            at = end;
        } else {
            at += 1;
        }
    }
    if secrets.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = 0;
    for (secret, instead) in secrets {
        let start = letters.get(secret.start).map_or(text.len(), |l| l.start);
        let end = letters[..secret.end].last().map_or(start, |l| l.end);
        plain.push_str(&text[rest..start]);
        plain.push_str(instead);
        rest = end.max(start);
    }
    plain.push_str(&text[rest..]);
    Cow::Owned(plain)
}

/// The name and password that stand behind a `://` before `at`, and before an at sign.
fn user_info(letters: &[Letter], at: usize) -> Option<Range<usize>> {
    let [colon, slash, other] = letters[..at].last_chunk()?;
    if (colon.is, slash.is, other.is) != (':', '/', '/') {
        return None;
    }
    // In a password a slash is escaped once more than those of the scheme.
    let is_plain = |letter: &Letter| letter.width() <= other.width();
    let end = end_of(letters, at, |letter| {
        let ends = matches!(letter.is, '/' | '?' | '#') || letter.is.is_whitespace();
        !(ends && is_plain(letter))
    });
    let last = |fits: &dyn Fn(&Letter) -> bool| {
        (at..end).rfind(|place| is_at(letters[*place].is) && fits(&letters[*place]))
    };
    Some(at..last(&is_plain).or_else(|| last(&|_| true))?)
}

/// Where the letters from `at` on that pass the test end.
fn end_of(letters: &[Letter], at: usize, test: impl Fn(&Letter) -> bool) -> usize {
    let length = letters[at..].iter().position(|letter| !test(letter));
    length.map_or(letters.len(), |length| at + length)
}

/// Notes the e-mail address among these letters, which stand without a gap: from its first letter to the last, and
/// whatever signs there are within, since a name may be any of them.
fn emails(letters: &[Letter], name: Range<usize>, secrets: &mut Vec<(Range<usize>, &'static str)>) {
    let is = |place: &usize| letters[*place].is;
    let Some(start) = name.clone().find(|place| !"'`".contains(is(place))) else {
        return;
    };
    let Some(sign) = (start..name.end).find(|place| is_at(is(place))) else {
        return;
    };
    let last = (sign..name.end).rfind(|place| is_letter(is(place)));
    let end = match last {
        Some(last) => last + 1,
        None => match host_in_brackets(letters, name.end) {
            Some(end) if sign + 1 == name.end => end,
            _ => return,
        },
    };
    if start < sign {
        secrets.push((start..end, EMAIL));
    }
}

/// Where the number of a host ends that begins at `at`, as in `ada@[192.0.2.1]`.
fn host_in_brackets(letters: &[Letter], at: usize) -> Option<usize> {
    if letters.get(at)?.is != '[' {
        return None;
    }
    let is_number = |letter: &Letter| letter.is.is_ascii_hexdigit() || ".:".contains(letter.is);
    let end = end_of(letters, at + 1, is_number);
    (letters.get(end)?.is == ']').then_some(end + 1)
}

fn is_at(c: char) -> bool {
    // The wide and the small one are the same sign to whoever brings names into one form.
    matches!(c, '@' | '\u{ff20}' | '\u{fe6b}')
}

/// Whether an e-mail address or the name of a host may end with it; what is not ASCII may be a part of a letter.
fn is_letter(c: char) -> bool {
    let is_sign = matches!(c, '«' | '»' | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205e}');
    c.is_ascii_alphanumeric()
        || !(c.is_ascii() || c.is_whitespace() || c.is_control() || is_at(c) || is_sign)
}

/// Whether it may be anywhere in an e-mail address, but for what divides addresses of pages.
fn is_of_name(c: char) -> bool {
    is_letter(c) || is_at(c) || ".-_+'!$%*^`{|}~".contains(c)
}

/// The text without its escapes. A byte that belongs to no character counts as a letter.
fn letters(text: &str) -> Vec<Letter> {
    let (bytes, places) = unescaped(text);
    let mut letters = Vec::with_capacity(bytes.len());
    let mut at = 0;
    let mut push = |is: char, length: usize| {
        let (start, end) = (places[at].start, places[at + length - 1].end);
        letters.push(Letter { is, start, end });
        at += length;
    };
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            push(c, c.len_utf8());
        }
        for _ in chunk.invalid() {
            push(char::REPLACEMENT_CHARACTER, 1);
        }
    }
    letters
}

/// The bytes that are left when all is unescaped, and where each is written. One that was escaped may itself belong
/// to an escape.
fn unescaped(text: &str) -> (Vec<u8>, Vec<Range<usize>>) {
    let mut bytes = Vec::with_capacity(text.len());
    let mut places: Vec<Range<usize>> = Vec::with_capacity(text.len());
    for (place, byte) in text.bytes().enumerate() {
        bytes.push(byte);
        places.push(place..place + 1);
        while let Some([b'%', high, low]) = bytes.last_chunk()
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            let length = bytes.len() - 2;
            bytes.truncate(length);
            places.truncate(length);
            bytes[length - 1] = high << 4 | low;
            places[length - 1].end = place + 1;
        }
    }
    (bytes, places)
}

fn digit(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn email_addresses_are_taken_out() {
        for (text, plain) in [
            (
                "no user ada.paul+x@example.org here",
                "no user [email] here",
            ),
            ("<ada@example.org>, bob@b.example", "<[email]>, [email]"),
            ("write to ada@example.org.", "write to [email]."),
            ("'ada@example.org' is taken", "'[email]' is taken"),
            ("name=ada!b@example.org&page=2", "name=[email]&page=2"),
            ("ada@bob@example.org", "[email]"),
            ("ada@@example.org", "[email]"),
            ("ada@[192.0.2.1], ada@[", "[email], ada@["),
            ("…rene\u{301}e@exämple.org…", "…[email]…"),
            ("ada\u{ff20}example.org", "[email]"),
            ("at 5 @ noon, @name, name@", "at 5 @ noon, @name, name@"),
            ("50% of nothing to hide", "50% of nothing to hide"),
        ] {
            assert_eq!(redacted(text), plain);
        }
    }

    #[test]
    fn an_email_address_is_found_however_it_is_escaped() {
        for name in [
            "ada%40example.org",
            "fran%C3%A7ois@example.org",
            "fran%E7ois@example.org",
            "jos%C3%A9@ex%C3%A4mple.org",
            "ada@ex%61mple.org",
            "%6aoe%40%65xample.org",
            "joe%2540example.org",
            "joe%252540example.org",
            "joe%25%34%30example%2eorg",
            "joe%EF%BC%A0example.org",
            "fran%25c3%25a7ois%2540example.org",
        ] {
            assert_eq!(
                redacted(&format!("/profiles/{name}/")),
                "/profiles/[email]/",
                "{name}"
            );
        }
        for text in ["/profiles/jos%C3%A9/", "/a%40/%2540b/", "100%", "%4", "%zz"] {
            assert_eq!(redacted(text), text);
        }
        assert_eq!(redacted("/a%2Fada%40example.org%3Fb"), "/a%2F[email]%3Fb");
    }

    #[test]
    fn passwords_of_addresses_are_taken_out_and_the_rest_stays() {
        for (text, plain) in [
            (
                "at postgres://oc:hunter2@db.example.org/oc",
                "at postgres://oc:***@db.example.org/oc",
            ),
            (
                "at postgres://oc@db.example.org/oc",
                "at postgres://oc@db.example.org/oc",
            ),
            (
                "https://key:hunter2@h/1 by ada@example.org",
                "https://key:***@h/1 by [email]",
            ),
            (
                "postgres://oc:p@ss:w%2F%40rd@db/oc",
                "postgres://oc:***@db/oc",
            ),
            ("postgres://oc:hunter2%40db/oc", "postgres://oc:***%40db/oc"),
            ("postgres://oc:@db/oc", "postgres://oc:***@db/oc"),
            (
                "next=postgres%3A%2F%2Foc%3Ahunter%252F2%40db",
                "next=postgres%3A%2F%2Foc%3A***%40db",
            ),
            (
                "smtp://ada%40example.org:hunter2@mail",
                "smtp://[email]:***@mail",
            ),
            ("https://host:80/ada@example.org", "https://host:80/[email]"),
        ] {
            assert_eq!(redacted(text), plain);
        }
    }

    #[test]
    fn a_long_text_takes_no_longer_than_its_length() {
        for part in ["a@", "%25", "://a:", "%", "@[1", "a", "%2540", "://"] {
            let text = part.repeat(1 << 17);

            // Where it took the square of its length, this would not end today.
            let plain = redacted(&text);

            assert_eq!(redacted(&plain), plain, "{part}");
        }
    }

    #[test]
    fn what_is_left_has_nothing_more_to_take_out() {
        let parts = [
            "a", "@", ":", "/", "://", "%", "25", "40", "'", "[", "]", " ", "é",
        ];
        let mut texts = vec![String::new()];
        for _ in 0..4 {
            texts = texts
                .iter()
                .flat_map(|text| parts.map(|part| format!("{text}{part}")))
                .collect();

            for text in &texts {
                let plain = redacted(text);
                assert_eq!(redacted(&plain), plain, "{text}");
            }
        }
    }
}
