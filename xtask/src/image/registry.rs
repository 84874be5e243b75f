//! A client of the registries' HTTP API (OCI distribution): reads digests, and copies an image to another registry.

use std::cell::RefCell;

use anyhow::{Context, Result, bail, ensure};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::http::{Answer, Http, Refusal, request};
use crate::image::name::Repository;

const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// Every kind of manifest that we can read.
const ACCEPT: &str = "application/vnd.docker.distribution.manifest.v2+json, \
     application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.oci.image.index.v1+json";

/// A user and a token.
pub(crate) type Credentials = (String, String);

/// One repository, with what lets us in.
pub(crate) struct Registry<'a> {
    http: &'a Http,
    repository: Repository,
    api: String,
    /// Without them, only what is public can be read.
    credentials: Option<Credentials>,
    /// The header that the registry accepted last.
    authorization: RefCell<Option<String>>,
}

/// What a registry says of an image.
pub(crate) struct Manifest {
    /// The hash that pins it.
    pub(crate) digest: String,
    bytes: Vec<u8>,
}

impl<'a> Registry<'a> {
    /// That repository, at its registry's own address.
    pub(crate) fn new(
        http: &'a Http,
        repository: Repository,
        credentials: Option<Credentials>,
    ) -> Self {
        let api = repository.api();
        Self {
            http,
            repository,
            api,
            credentials,
            authorization: RefCell::default(),
        }
    }

    /// The repository.
    pub(crate) fn repository(&self) -> &Repository {
        &self.repository
    }

    /// What lets us in, if anything.
    pub(crate) fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// What is there under a tag or a digest; `None` when nothing is.
    pub(crate) fn find(&self, reference: &str) -> Result<Option<Manifest>> {
        let what = format!("{} (manifest {reference})", self.repository.registry);
        let path = format!("manifests/{reference}");
        let answer = self.ask(&what, "GET", &path, &[("Accept", ACCEPT)], Vec::new());
        match answer {
            Ok(answer) => Ok(Some(Manifest {
                digest: digest(&answer.body),
                bytes: answer.body,
            })),
            Err(error) if error.downcast_ref().is_some_and(is_missing) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Copies the image of that digest to another registry under these tags, in Docker's own format, which is all
    /// that some take. Returns the digest of its configuration, by which they know it.
    pub(crate) fn copy(&self, digest: &str, to: &Registry<'_>, tags: &[&str]) -> Result<String> {
        let found = self.find(digest)?.context("the image is gone")?;
        let mut manifest: Value = serde_json::from_slice(&found.bytes)?;
        if let Some(list) = manifest["manifests"].as_array() {
            let one = for_linux(list).context("the image is not for linux/amd64")?;
            let found = self.find(one)?.context("the image is gone")?;
            manifest = serde_json::from_slice(&found.bytes)?;
        }
        let config = blob(&manifest["config"])?;
        let layers = manifest["layers"].as_array().context("no layers")?;
        for layer in layers {
            to.take(self, &blob(layer)?)?;
        }
        to.take(self, &config)?;

        manifest["mediaType"] = DOCKER_MANIFEST.into();
        manifest["config"]["mediaType"] = DOCKER_CONFIG.into();
        for layer in manifest["layers"].as_array_mut().into_iter().flatten() {
            let kind = layer["mediaType"].as_str().unwrap_or_default();
            ensure!(
                kind.ends_with("gzip"),
                "a layer of the kind {kind:?} cannot be copied"
            );
            layer["mediaType"] = DOCKER_LAYER.into();
        }
        let bytes = serde_json::to_vec(&manifest)?;
        for tag in tags {
            let what = format!("{} (tag {tag})", to.repository.registry);
            let headers = [("Content-Type", DOCKER_MANIFEST)];
            to.ask(
                &what,
                "PUT",
                &format!("manifests/{tag}"),
                &headers,
                bytes.clone(),
            )?;
        }
        Ok(config)
    }

    /// Takes a blob over, unless it is there already.
    fn take(&self, from: &Registry<'_>, blob: &str) -> Result<()> {
        let here = format!("{} (blob {blob})", self.repository.registry);
        let path = format!("blobs/{blob}");
        match self.ask(&here, "HEAD", &path, &[], Vec::new()) {
            Ok(_) => return Ok(()),
            Err(error) if error.downcast_ref().is_some_and(is_missing) => {}
            Err(error) => return Err(error),
        }
        let there = format!("{} (blob {blob})", from.repository.registry);
        let bytes = from.ask(&there, "GET", &path, &[], Vec::new())?.body;
        ensure!(
            digest(&bytes) == blob,
            "{there}: what came is something else"
        );

        let begun = self.ask(&here, "POST", "blobs/uploads/", &[], Vec::new())?;
        let location = begun.header("location").context("no place to upload to")?;
        let place = if location.starts_with('/') {
            format!("{}{location}", self.api)
        } else {
            location.to_owned()
        };
        let joint = if place.contains('?') { '&' } else { '?' };
        let place = format!("{place}{joint}digest={blob}");
        let headers = [("Content-Type", "application/octet-stream")];
        self.ask_at(&here, "PUT", &place, &headers, bytes)?;
        eprintln!("  {blob} is there");
        Ok(())
    }

    fn ask(
        &self,
        what: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Answer> {
        let url = format!("{}/v2/{}/{path}", self.api, self.repository.path);
        self.ask_at(what, method, &url, headers, body)
    }

    fn ask_at(
        &self,
        what: &str,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Answer> {
        let known = self.authorization.borrow().clone();
        let attempt = |authorization: Option<&str>, body| {
            let mut headers = headers.to_vec();
            headers.extend(authorization.map(|value| ("Authorization", value)));
            self.http
                .answer(what, &request(method, url, &headers, body)?)
        };
        let answer = attempt(known.as_deref(), body.clone())?;
        if answer.status != 401 {
            return self.http.accept(what, answer);
        }
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        let Some(authorization) = self.authorize(challenge)? else {
            return self.http.accept(what, answer);
        };
        let answer = attempt(Some(&authorization), body)?;
        self.authorization.replace(Some(authorization));
        self.http.accept(what, answer)
    }

    /// The header that answers a challenge (RFC 9110, section 11.6.1), if we have anything to answer it with.
    fn authorize(&self, challenge: &str) -> Result<Option<String>> {
        let basic = self.credentials.as_ref().map(|(user, token)| {
            let basic = BASE64_STANDARD.encode(format!("{user}:{token}"));
            self.http.hide(&basic);
            format!("Basic {basic}")
        });
        let Some((scheme, rest)) = challenge.split_once(' ') else {
            return Ok(basic);
        };
        if scheme.eq_ignore_ascii_case("basic") {
            return Ok(basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            bail!(
                "{} asks for {scheme}, which we do not speak",
                self.repository.registry
            );
        }
        let part = |name: &str| {
            let rest = rest.split_once(&format!("{name}=\""))?.1;
            rest.split_once('"').map(|(value, _)| value)
        };
        let realm = part("realm").context("the registry names no place to get a token from")?;
        let mut url = realm.to_owned();
        for name in ["service", "scope"] {
            if let Some(value) = part(name) {
                let joint = if url.contains('?') { '&' } else { '?' };
                url = format!("{url}{joint}{name}={}", crate::deploy::encoded(value));
            }
        }
        let headers: Vec<_> = basic
            .iter()
            .map(|basic| ("Authorization", basic.as_str()))
            .collect();
        let what = format!("the login of {}", self.repository.registry);
        let answer = self
            .http
            .send(&what, &request("GET", &url, &headers, Vec::new())?)?
            .json()?;
        let token = answer["token"].as_str().or(answer["access_token"].as_str());
        let token = token.context("the login gave no token")?;
        self.http.hide(token);
        Ok(Some(format!("Bearer {token}")))
    }
}

fn is_missing(refusal: &Refusal) -> bool {
    refusal.status == 404
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

fn blob(part: &Value) -> Result<String> {
    let digest = part["digest"].as_str().context("a part has no digest")?;
    Ok(digest.to_owned())
}

/// The entry of a list that is for the processors that hosts have.
fn for_linux(list: &[Value]) -> Option<&str> {
    let fits = |entry: &&Value| {
        let platform = &entry["platform"];
        platform["os"] == "linux" && platform["architecture"] == "amd64"
    };
    list.iter().find(fits)?["digest"].as_str()
}
