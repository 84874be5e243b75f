//! Names of routes in logs, metrics and traces: the pattern without regular expressions.

/// The name for a path without a route.
pub(crate) const UNKNOWN: &str = "(unknown)";

/// The name of a pattern: `/lettings/{id:[0-9]+}/` becomes `/lettings/{id}/`, and a part that matches only one word
/// becomes that word.
pub(crate) fn name(pattern: Option<&str>) -> String {
    let Some(pattern) = pattern else {
        return UNKNOWN.to_owned();
    };
    let mut name = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some((before, inside)) = rest.split_once('{') {
        let end = closing(inside);
        let (part, expression) = inside[..end]
            .split_once(':')
            .unwrap_or((&inside[..end], "."));
        name.push_str(before);
        if expression.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            name.push_str(expression);
        } else {
            name.push('{');
            name.push_str(part);
            name.push('}');
        }
        rest = inside.get(end + 1..).unwrap_or_default();
    }
    name.push_str(rest);
    name
}

/// The offset of the closing brace; regular expressions may contain braces.
fn closing(inside: &str) -> usize {
    let mut depth = 1;
    for (place, byte) in inside.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return place;
        }
    }
    inside.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_no_expressions() {
        for (pattern, expected) in [
            ("/", "/"),
            ("/lettings/{id:[0-9]{1,19}}/", "/lettings/{id}/"),
            ("/profiles/{username}/", "/profiles/{username}/"),
            (
                "/sitemap-{kind:[a-z]+}-{number:[0-9]+}.xml",
                "/sitemap-{kind}-{number}.xml",
            ),
            (
                "/admin/{app:lettings}/{model:letting}/{id}/change/",
                "/admin/lettings/letting/{id}/change/",
            ),
        ] {
            assert_eq!(name(Some(pattern)), expected);
        }
        assert_eq!(name(None), UNKNOWN);
    }
}
