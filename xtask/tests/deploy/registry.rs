//! A registry that keeps in memory what it is given, and lets in whom it knows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::server::{self, Asked, Reply};
use crate::world::{NEW, OLD};

const OCI: &str = "application/vnd.oci.image";

/// Manifests by tag and by digest, blobs by digest.
#[derive(Default)]
struct Contents {
    manifests: HashMap<String, Vec<u8>>,
    blobs: HashMap<String, Vec<u8>>,
}

/// A running registry.
#[derive(Clone)]
pub(crate) struct Registry {
    contents: Arc<Mutex<Contents>>,
    /// `127.0.0.1:PORT`.
    pub(crate) place: String,
}

impl Registry {
    /// An empty one; whoever comes must say this name and this word, if any.
    pub(crate) fn start(login: Option<(&str, &str)>) -> Result<Self> {
        let contents = Arc::new(Mutex::new(Contents::default()));
        let ours = Arc::clone(&contents);
        let wanted = login.map(|(user, word)| {
            format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{word}")))
        });
        let place = server::start(move |asked| {
            if wanted.is_some() && asked.headers.get("authorization") != wanted.as_ref() {
                return Reply::new(401, "who are you?")
                    .header("WWW-Authenticate", "Basic realm=\"registry\"");
            }
            let mut contents = ours
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            contents.answer(asked)
        })?;
        Ok(Self { contents, place })
    }

    /// One with the images of both commits.
    pub(crate) fn with_both() -> Result<Self> {
        let registry = Self::start(None)?;
        for revision in [OLD, NEW] {
            registry.add(revision);
        }
        Ok(registry)
    }

    /// Puts in an image of that commit, as newer engines write it.
    pub(crate) fn add(&self, revision: &str) {
        let mut contents = self.lock();
        let config = contents.put(format!("{{\"revision\":\"{revision}\"}}").into_bytes());
        let layer = contents.put(format!("layer of {revision}").into_bytes());
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": format!("{OCI}.manifest.v1+json"),
            "config": { "mediaType": format!("{OCI}.config.v1+json"), "digest": config, "size": 1 },
            "layers": [{ "mediaType": format!("{OCI}.layer.v1.tar+gzip"), "digest": layer, "size": 1 }],
        });
        let bytes = manifest.to_string().into_bytes();
        contents.manifests.insert(digest(&bytes), bytes.clone());
        contents.manifests.insert(revision.to_owned(), bytes);
    }

    /// The digest under a tag.
    pub(crate) fn digest(&self, tag: &str) -> Option<String> {
        self.lock().manifests.get(tag).map(|bytes| digest(bytes))
    }

    /// What is under a tag.
    pub(crate) fn manifest(&self, tag: &str) -> Option<serde_json::Value> {
        let bytes = self.lock().manifests.get(tag).cloned()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// A blob's text.
    pub(crate) fn blob(&self, digest: &str) -> Option<String> {
        let bytes = self.lock().blobs.get(digest).cloned()?;
        String::from_utf8(bytes).ok()
    }

    /// Which commit an image by digest is of.
    pub(crate) fn revision_of(&self, digest: &str) -> Option<String> {
        let contents = self.lock();
        let wanted = contents.manifests.get(digest)?;
        let is_tag = |name: &&String| !name.starts_with("sha256:");
        let same = contents
            .manifests
            .iter()
            .filter(|(_, bytes)| *bytes == wanted);
        same.map(|(name, _)| name).find(is_tag).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Contents> {
        self.contents
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Contents {
    fn put(&mut self, bytes: Vec<u8>) -> String {
        let digest = digest(&bytes);
        self.blobs.insert(digest.clone(), bytes);
        digest
    }

    fn answer(&mut self, asked: &Asked) -> Reply {
        let last = asked.path.rsplit('/').next().unwrap_or_default();
        let found = |bytes: Option<&Vec<u8>>| match bytes {
            Some(bytes) => Reply::new(200, bytes.clone()),
            None => Reply::new(404, "not here"),
        };
        let is_manifest = asked.path.contains("/manifests/");
        match asked.method.as_str() {
            "GET" if is_manifest => found(self.manifests.get(last)),
            "GET" | "HEAD" => found(self.blobs.get(last)),
            "POST" => Reply::new(202, "").header("Location", "/v2/upload/1?state=x"),
            "PUT" if is_manifest => {
                self.manifests.insert(last.to_owned(), asked.body.clone());
                Reply::new(201, "")
            }
            "PUT" => {
                let named = asked
                    .query
                    .split('&')
                    .find_map(|part| part.strip_prefix("digest="));
                let put = self.put(asked.body.clone());
                Reply::new(
                    if named == Some(put.as_str()) {
                        201
                    } else {
                        400
                    },
                    "",
                )
            }
            _ => Reply::new(405, ""),
        }
    }
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}
