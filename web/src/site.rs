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

    /// The absolute address of the picture for previews.
    pub(crate) fn image(&self) -> &str {
        &self.image
    }
}
