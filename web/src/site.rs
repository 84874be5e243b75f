//! Where the site is found from outside.

/// The site's own address, for links that must be absolute. Never taken from a request.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    public_url: String,
    image: String,
}

impl Site {
    /// `public_url` has no slash at its end; `image` is the path of the picture for previews.
    pub(crate) fn new(public_url: String, image: &str) -> Self {
        let image = format!("{public_url}{image}");
        Self { public_url, image }
    }

    /// The absolute address of a path of ours, which begins with a slash.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.public_url)
    }

    /// Whether visitors come over https.
    pub(crate) fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }

    /// Whether visitors of that host come over https.
    pub(crate) fn is_https_at(&self, host: &str) -> bool {
        let host = host.strip_suffix(":443").unwrap_or(host);
        let own = self.public_url.strip_prefix("https://");
        own.is_some_and(|own| own.eq_ignore_ascii_case(host))
    }

    /// The absolute address of the picture for previews.
    pub(crate) fn image(&self) -> &str {
        &self.image
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visitors_of_the_public_host_come_over_https_where_its_address_says_so() {
        let at = |url: &str, host| Site::new(url.to_owned(), "").is_https_at(host);

        assert!(at("https://homes.example", "Homes.Example"));
        assert!(at("https://homes.example", "homes.example:443"));
        assert!(!at("https://homes.example", "localhost:8000"));
        assert!(!at("http://homes.example", "homes.example"));
    }
}
