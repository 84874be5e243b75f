//! The one way that every deploy goes: find the image, ask the host, look at the site, go back if need be.

use anyhow::{Context, Result, bail};

use super::site::{Judge, Pace, Seen, Site};
use super::{Host, Restored, Unchanged};
use crate::http::{Refusal, Unsent};
use crate::image::registry::Registry;

/// The image of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Image {
    /// The commit.
    pub(crate) revision: String,
    /// The hash that pins it.
    pub(crate) digest: String,
    /// The full name with that hash.
    pub(crate) reference: String,
}

/// All that one deploy takes.
pub(crate) struct Deploy<'a> {
    pub(crate) host: &'a mut dyn Host,
    pub(crate) site: &'a Site<'a>,
    pub(crate) registry: &'a Registry<'a>,
    pub(crate) pace: Pace,
    pub(crate) dry_run: bool,
}

impl Deploy<'_> {
    /// The image of a commit, if there is one.
    pub(crate) fn find(&self, revision: &str) -> Result<Option<Image>> {
        self.site.hurry(self.pace);
        let manifest = self.registry.find(revision)?;
        Ok(manifest.map(|manifest| Image {
            revision: revision.to_owned(),
            reference: self.registry.repository().pinned(&manifest.digest),
            digest: manifest.digest,
        }))
    }

    /// What answers now.
    fn look(&self) -> Seen {
        self.site.hurry(self.pace);
        self.site.look_again(self.pace)
    }

    /// The revision that answers now.
    pub(crate) fn running(&self) -> Result<String> {
        match self.look() {
            Seen::Revision { revision, .. } => Ok(revision),
            Seen::Nothing(why) => bail!(
                "{} does not tell what is running: {why}; name a commit with --sha",
                self.site.url()
            ),
        }
    }

    /// Releases the image of that commit. Ends well only when the site answers with it, and leaves the one that
    /// answered before in its place otherwise.
    pub(crate) fn run(&mut self, revision: &str) -> Result<()> {
        let name = self.host.name();
        let image = self.find(revision)?;
        let image = image.with_context(|| {
            format!(
                "there is no image {}",
                self.registry.repository().tagged(revision)
            )
        })?;
        println!("{name}: {}", image.reference);
        let before = self.before(revision)?;
        self.site.hurry(self.pace);
        self.host
            .prepare()
            .with_context(|| format!("{name}: nothing was changed"))?;
        if self.dry_run {
            println!(
                "{name}: would release it, and wait up to {} s",
                self.pace.timeout.as_secs()
            );
            return Ok(());
        }

        // What answers already is no proof that the host took it once more: that only the host can tell.
        let judge = if before.is_the_same {
            Judge::Host
        } else {
            Judge::Both
        };
        let (trouble, restored) = match self.attempt(&image, judge) {
            Ok(()) => {
                println!("{name}: {} answers with {revision}", self.site.url());
                return Ok(());
            }
            Err(Trouble::Refused(error)) => return Err(error.context("nothing was changed")),
            Err(Trouble::Bad(words)) => (words, false),
            Err(Trouble::Restored(words)) => (words, true),
        };
        println!("{name}: FAILED: {trouble}");
        if before.is_the_same {
            bail!("{name}: {trouble}. There is nothing to go back to: this commit ran before");
        }
        let Some(before) = before.image else {
            bail!("{name}: {trouble}. There is nothing to go back to");
        };
        println!("{name}: going back to {}", before.revision);
        let back = match restored.then(|| self.watch(&before, Judge::Site)) {
            Some(Ok(())) => Ok(()),
            _ => self.attempt(&before, Judge::Site),
        };
        match back {
            Ok(()) => bail!(
                "{name}: {trouble}. Went back: {} answers again",
                before.revision
            ),
            Err(Trouble::Bad(worse) | Trouble::Restored(worse)) => {
                bail!("{name}: {trouble}. Going back FAILED too: {worse}")
            }
            Err(Trouble::Refused(error)) => {
                bail!("{name}: {trouble}. Going back FAILED too: {error:#}")
            }
        }
    }

    /// What answers now.
    fn before(&self, revision: &str) -> Result<Before> {
        let running = match self.look() {
            Seen::Revision { revision, .. } => revision,
            Seen::Nothing(why) => {
                println!("  nothing to go back to: {why}");
                return Ok(Before::default());
            }
        };
        println!("  {} answers with {running}", self.site.url());
        if running == revision {
            return Ok(Before {
                is_the_same: true,
                image: None,
            });
        }
        let image = if is_tag(&running) {
            self.find(&running)?
        } else {
            None
        };
        if image.is_none() {
            println!("  nothing to go back to: {running:?} has no image");
        }
        Ok(Before {
            is_the_same: false,
            image,
        })
    }

    fn attempt(&mut self, image: &Image, judge: Judge) -> Result<(), Trouble> {
        self.site.hurry(self.pace);
        if let Err(error) = self.host.release(image) {
            let refused = error.downcast_ref().is_some_and(Refusal::is_final)
                || error.is::<Unchanged>()
                || error.is::<Unsent>();
            return Err(if refused {
                Trouble::Refused(error)
            } else if error.is::<Restored>() {
                Trouble::Restored(format!("{error:#}"))
            } else {
                Trouble::Bad(format!("{error:#}"))
            });
        }
        self.watch(image, judge)
    }

    /// Looks until the site answers with that image, and asks the host in between.
    fn watch(&mut self, image: &Image, judge: Judge) -> Result<(), Trouble> {
        let host = &mut *self.host;
        self.site
            .wait_for(&image.revision, self.pace, judge, &mut || host.verdict())
            .map_err(Trouble::Bad)
    }
}

/// What answers before a release.
#[derive(Default)]
struct Before {
    /// Whether it is the commit that is to be released.
    is_the_same: bool,
    /// What to go back to.
    image: Option<Image>,
}

/// How an attempt went wrong.
enum Trouble {
    /// The host would not hear of it, or never did: what ran still runs.
    Refused(anyhow::Error),
    /// Something may have changed.
    Bad(String),
    /// What was changed is as before.
    Restored(String),
}

/// Whether a text from outside may stand in the address of an image.
fn is_tag(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !text.is_empty()
        && text.len() <= 128
        && text.bytes().all(plain)
        && !text.starts_with(['.', '-'])
}
