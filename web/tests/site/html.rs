//! A small HTML parser for the site's own markup: titles, links, texts.

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Html {
    source: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) text: String,
    pub(crate) href: String,
}

impl Html {
    pub(crate) fn new(source: String) -> Self {
        Self { source }
    }

    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// The contents of each element with this name.
    pub(crate) fn all(&self, name: &str) -> Vec<Self> {
        self.elements(name)
            .map(|(_, inner)| Self::new(inner.to_owned()))
            .collect()
    }

    /// The contents of the first element with this name; empty if there is none.
    pub(crate) fn first(&self, name: &str) -> Self {
        let inner = self.elements(name).next();
        Self::new(inner.map(|(_, inner)| inner.to_owned()).unwrap_or_default())
    }

    /// The contents of the select with this name.
    pub(crate) fn select(&self, name: &str) -> Self {
        let named = format!("name=\"{name}\"");
        let inner = self
            .elements("select")
            .find(|(attributes, _)| attributes.contains(&named));
        Self::new(inner.map(|(_, inner)| inner.to_owned()).unwrap_or_default())
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        self.all(name).iter().map(Self::text).collect()
    }

    /// The visible text, with single spaces.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let mut rest = self.source.as_str();
        while let Some((before, tag)) = rest.split_once('<') {
            text.push_str(before);
            rest = tag.split_once('>').map_or("", |(_, after)| after);
        }
        text.push_str(rest);
        unescape(&text)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    }

    pub(crate) fn links(&self) -> Vec<Link> {
        self.elements("a")
            .filter_map(|(attributes, inner)| {
                Some(Link {
                    text: Self::new(inner.to_owned()).text(),
                    href: attribute(attributes, "href")?,
                })
            })
            .collect()
    }

    pub(crate) fn has_link(&self, text: &str, href: &str) -> bool {
        self.href(text).is_some_and(|known| known == href)
    }

    pub(crate) fn href(&self, text: &str) -> Option<String> {
        let links = self.links();
        let link = links.into_iter().find(|link| link.text == text)?;
        Some(link.href)
    }

    /// An attribute of each element with this name that has it, including void elements.
    pub(crate) fn attributes(&self, name: &str, attribute_name: &str) -> Vec<String> {
        self.tags(name)
            .filter_map(|(attributes, _)| attribute(attributes, attribute_name))
            .collect()
    }

    /// An attribute of the first element with this name whose tag contains the given markup.
    pub(crate) fn attribute_of(&self, name: &str, with: &str, wanted: &str) -> Option<String> {
        self.tags(name)
            .find(|(attributes, _)| attributes.contains(with))
            .and_then(|(attributes, _)| attribute(attributes, wanted))
    }

    fn elements<'a>(&'a self, name: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let end = format!("</{name}>");
        self.tags(name)
            .filter_map(move |(attributes, rest)| Some((attributes, rest.split_once(&end)?.0)))
    }

    /// The attributes of each tag with this name, and the text after it.
    fn tags<'a>(&'a self, name: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let start = format!("<{name}");
        let mut rest = self.source.as_str();
        std::iter::from_fn(move || {
            loop {
                rest = rest.split_once(&start)?.1;
                if rest.starts_with([' ', '>', '\n']) {
                    let (attributes, after) = rest.split_once('>')?;
                    return Some((attributes, after));
                }
            }
        })
    }
}

fn attribute(attributes: &str, name: &str) -> Option<String> {
    let (_, value) = attributes.split_once(&format!(" {name}=\""))?;
    Some(unescape(value.split_once('"')?.0))
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#x27;", "'")
        .replace("&#39;", "'")
        .replace("&#x2F;", "/")
        .replace("&amp;", "&")
}
