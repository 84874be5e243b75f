//! Public path of a profile.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// Characters to escape in a path segment (RFC 3986, section 3.3). A plus remains a plus.
const SEGMENT: AsciiSet = CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Path of a user's public profile.
pub fn public_path(username: &str) -> String {
    format!("/profiles/{}/", utf8_percent_encode(username, &SEGMENT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_are_escaped_in_paths() {
        assert_eq!(public_path("a.b+c@d-e_f"), "/profiles/a.b+c@d-e_f/");
        assert_eq!(
            public_path("Жанна"),
            "/profiles/%D0%96%D0%B0%D0%BD%D0%BD%D0%B0/"
        );
    }
}
