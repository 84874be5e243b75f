//! Typed pages: a page is a struct whose fields are everything that its template may use.

use std::io::{self, Write};
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header;
use anyhow::Context as _;
use rust_embed::RustEmbed;
use serde::Serialize;
use tera::{Context, Kwargs, State, Tera, TeraResult};

use crate::assets::Assets;
use crate::error::PageError;

/// A page and its template.
pub trait Page: Serialize {
    /// The template's path in the folder of templates.
    const TEMPLATE: &'static str;

    /// The Content-Type of the response.
    const CONTENT_TYPE: &'static str = "text/html; charset=utf-8";
}

/// Renders pages.
#[derive(Clone)]
pub struct Pages {
    assets: Assets,
    tera: Arc<Tera>,
    /// Parses the templates again at every page, so that a change shows at the next reload.
    reload: Option<fn(&Assets) -> anyhow::Result<Tera>>,
}

impl Pages {
    /// Parses the templates in an embedded folder. With `reload`, which makes sense in a debug build only, every page
    /// does so again.
    pub fn load<E: RustEmbed>(assets: Assets, reload: bool) -> anyhow::Result<Self> {
        Ok(Self {
            tera: Arc::new(parse::<E>(&assets)?),
            reload: reload.then_some(parse::<E>),
            assets,
        })
    }

    /// Renders a page as a response that caches have to revalidate.
    pub fn render<P: Page>(&self, page: &P) -> Result<HttpResponse, PageError> {
        let text = self.text(page)?;
        Ok(HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, P::CONTENT_TYPE))
            .insert_header((header::CACHE_CONTROL, "public, no-cache"))
            .body(text))
    }

    /// Renders a page as text.
    #[expect(clippy::disallowed_methods, reason = "the only place that renders")]
    pub fn text<P: Page>(&self, page: &P) -> Result<String, PageError> {
        let context = Context::from_serialize(page)?;
        let reloaded = self.reload.map(|parse| parse(&self.assets)).transpose();
        let reloaded = reloaded.map_err(PageError::Internal)?;
        let tera = reloaded.as_ref().unwrap_or(&self.tera);
        Ok(tera.render(P::TEMPLATE, &context)?)
    }
}

fn parse<E: RustEmbed>(assets: &Assets) -> anyhow::Result<Tera> {
    let mut tera = Tera::new();
    tera.set_escape_fn(escape);
    let assets = assets.clone();
    tera.register_function(
        "asset",
        move |arguments: Kwargs, _: &State| -> TeraResult<String> {
            let name: &str = arguments.must_get("name")?;
            assets
                .url(name)
                .ok_or_else(|| tera::Error::message(format!("there is no asset {name:?}")))
        },
    );
    let templates = E::iter().filter_map(|name| {
        let source = E::get(&name)?.data;
        Some((name, String::from_utf8_lossy(&source).into_owned()))
    });
    let parsed = tera.add_raw_templates(templates);
    parsed.context("cannot parse the templates")?;
    Ok(tera)
}

/// Escapes HTML like tera, which writes each byte on its own.
fn escape(text: &str, output: &mut dyn Write) -> io::Result<()> {
    let mut rest = text;
    let is_special = |byte| matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\'');
    while let Some(index) = rest.bytes().position(is_special) {
        output.write_all(&rest.as_bytes()[..index])?;
        output.write_all(match rest.as_bytes()[index] {
            b'&' => b"&amp;",
            b'<' => b"&lt;",
            b'>' => b"&gt;",
            b'"' => b"&quot;",
            _ => b"&#39;",
        })?;
        rest = &rest[index + 1..];
    }
    output.write_all(rest.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() -> io::Result<()> {
        let mut output = Vec::new();
        escape("<a title=\"Déjà\">'vu' & co</a>", &mut output)?;
        let escaped = "&lt;a title=&quot;Déjà&quot;&gt;&#39;vu&#39; &amp; co&lt;/a&gt;";
        assert_eq!(output, escaped.as_bytes());
        Ok(())
    }
}
