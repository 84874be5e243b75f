//! Typed pages: each is a struct, and its fields are all that its template may use.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header;
use anyhow::Context as _;
use serde::Serialize;
use tera::{Context, Kwargs, State, Tera, TeraResult};

use crate::assets::Assets;
use crate::error::PageError;

/// A page and the template that shows it.
pub(crate) trait Page: Serialize {
    /// The template's path below `templates/`.
    const TEMPLATE: &'static str;

    /// What the answer is.
    const CONTENT_TYPE: &'static str = "text/html; charset=utf-8";
}

/// Renders pages.
#[derive(Clone)]
pub(crate) struct Pages {
    assets: Assets,
    tera: Arc<Tera>,
}

impl Pages {
    /// Reads every template.
    ///
    /// # Errors
    /// When one cannot be read or parsed: that stops the start.
    pub(crate) fn load(assets: Assets) -> anyhow::Result<Self> {
        let tera = Arc::new(parse(&assets)?);
        Ok(Self { assets, tera })
    }

    /// The page as an answer that every cache must ask about before it is used again.
    pub(crate) fn render<P: Page>(&self, page: &P) -> Result<HttpResponse, PageError> {
        let text = self.text(page)?;
        Ok(HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, P::CONTENT_TYPE))
            .insert_header((header::CACHE_CONTROL, "public, no-cache"))
            .body(text))
    }

    /// The page as text.
    #[expect(clippy::disallowed_methods, reason = "the one place that renders")]
    pub(crate) fn text<P: Page>(&self, page: &P) -> Result<String, PageError> {
        let context = Context::from_serialize(page)?;
        if self.assets.are_live() {
            let tera = parse(&self.assets).map_err(PageError::Internal)?;
            return Ok(tera.render(P::TEMPLATE, &context)?);
        }
        Ok(self.tera.render(P::TEMPLATE, &context)?)
    }
}

fn parse(assets: &Assets) -> anyhow::Result<Tera> {
    let mut tera = Tera::new();
    let known = assets.clone();
    tera.register_function(
        "asset",
        move |arguments: Kwargs, _: &State| -> TeraResult<String> {
            let name: &str = arguments.must_get("name")?;
            known
                .url(name)
                .ok_or_else(|| tera::Error::message(format!("there is no asset {name:?}")))
        },
    );
    let templates = assets.templates().context("cannot read the templates")?;
    tera.add_raw_templates(templates)
        .context("cannot parse the templates")?;
    Ok(tera)
}
