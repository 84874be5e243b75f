//! Steps of every deploy: find the image, release it, watch the site, go back if it does not become ready.

use anyhow::{Context as _, Result, bail};

use super::host::{Host, Image, ReleaseError};
use super::site::{Authority, Observation, Site};
use crate::image::name::Repository;
use crate::image::registry::Registries;

pub(crate) struct Deploy<'a> {
    pub(crate) host: &'a mut dyn Host,
    pub(crate) site: &'a Site<'a>,
    pub(crate) registries: &'a Registries<'a>,
    pub(crate) repository: &'a Repository,
    pub(crate) dry_run: bool,
}

impl Deploy<'_> {
    /// The image of a commit, if there is one.
    pub(crate) fn find(&self, revision: &str) -> Result<Option<Image>> {
        let digest = self.registries.digest(&self.repository.tagged(revision))?;
        Ok(digest.map(|digest| Image {
            revision: revision.to_owned(),
            reference: self.repository.pinned(&digest),
        }))
    }

    /// The revision that the site answers with.
    pub(crate) fn running(&self) -> Result<String> {
        match self.site.observe_with_retries() {
            Observation::Revision { revision, .. } => Ok(revision),
            Observation::Nothing(reason) => {
                bail!("unknown revision: {reason}; name a commit with --sha")
            }
        }
    }

    /// Releases the image of a commit. On failure, releases the earlier image again.
    pub(crate) fn run(&mut self, revision: &str) -> Result<()> {
        let name = self.host.name();
        let image = self
            .find(revision)?
            .with_context(|| format!("there is no image {}", self.repository.tagged(revision)))?;
        println!("{name}: {}", image.reference);
        let running = match self.site.observe_with_retries() {
            Observation::Revision { revision, .. } => {
                println!("  {} answers with {revision}", self.site.url);
                Some(revision)
            }
            Observation::Nothing(reason) => {
                println!("  nothing to go back to: {reason}");
                None
            }
        };
        let is_running = running.as_deref() == Some(revision);
        let earlier = self.image_to_go_back_to(running.filter(|_| !is_running))?;
        self.site.start_time_limit();
        self.host
            .prepare()
            .with_context(|| format!("{name}: nothing was changed"))?;
        if self.dry_run {
            let seconds = self.site.timeout.as_secs();
            println!("{name}: would release it, and wait up to {seconds} s");
            return Ok(());
        }

        // The site answers with this revision already; only the host knows whether it was released again.
        let authority = if is_running {
            Authority::Host
        } else {
            Authority::Both
        };
        let error = match self.attempt(&image, authority) {
            Ok(()) => {
                println!("{name}: {} answers with {revision}", self.site.url);
                return Ok(());
            }
            Err(ReleaseError::NotStarted(error)) => {
                return Err(error.context("nothing was changed"));
            }
            Err(error) => error,
        };
        println!("{name}: FAILED: {error}");
        let Some(earlier) = earlier else {
            let reason = if is_running {
                ": this commit was running before"
            } else {
                ""
            };
            bail!("{name}: {error}. There is nothing to go back to{reason}");
        };
        println!("{name}: going back to {}", earlier.revision);
        let is_back = matches!(error, ReleaseError::Reverted(_))
            && self.watch(&earlier, Authority::Site).is_ok();
        if !is_back && let Err(second) = self.attempt(&earlier, Authority::Site) {
            bail!("{name}: {error}. Going back FAILED too: {second}");
        }
        let revision = earlier.revision;
        bail!("{name}: {error}. Went back: {revision} answers again")
    }

    fn image_to_go_back_to(&self, running: Option<String>) -> Result<Option<Image>> {
        let Some(running) = running else {
            return Ok(None);
        };
        let image = if is_tag(&running) {
            self.find(&running)?
        } else {
            None
        };
        if image.is_none() {
            println!("  nothing to go back to: {running:?} has no image");
        }
        Ok(image)
    }

    fn attempt(&mut self, image: &Image, authority: Authority) -> Result<(), ReleaseError> {
        self.site.start_time_limit();
        self.host.release(image)?;
        self.watch(image, authority)
    }

    /// Waits until the site answers with that image.
    fn watch(&mut self, image: &Image, authority: Authority) -> Result<(), ReleaseError> {
        self.site
            .wait_for(&image.revision, authority, self.host)
            .map_err(ReleaseError::Unknown)
    }
}

/// Whether a text from outside is a valid tag.
fn is_tag(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=128).contains(&text.len()) && text.bytes().all(is_allowed) && !text.starts_with(['.', '-'])
}
