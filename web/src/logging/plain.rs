//! Text that may come from anywhere, made fit for a log.

use std::borrow::Cow;

/// The text with everything escaped that could end the line, hide in it or move the cursor.
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    escape(text, |c| c.is_control() || is_odd(c))
}

/// The text with everything escaped that JSON leaves as it is and some reader takes for the end of a line.
pub(super) fn without_breaks(text: &str) -> Cow<'_, str> {
    escape(text, |c| {
        (c.is_control() && !c.is_ascii()) || c == '\u{7f}' || is_odd(c)
    })
}

/// Separators of lines and paragraphs, and what turns the direction of the text around.
fn is_odd(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escape(text: &str, odd: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&odd) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if odd(c) {
            plain.extend(c.escape_default());
        } else {
            plain.push(c);
        }
    }
    Cow::Owned(plain)
}
