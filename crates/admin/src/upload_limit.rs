//! The size of requests with images.

use oc_core::admin::Resource;

use crate::registry::Registry;
use crate::ui::links::list_path;

/// The largest body of a request with images (bytes).
const MAX_UPLOAD: usize = 100 << 20;

/// The size of the largest body for a path (bytes), if that is a page that takes images.
pub fn max_body(registry: Registry, path: &str) -> Option<usize> {
    let takes_images = |resource: &'static Resource| {
        let Some(page) = path.strip_prefix(&list_path(resource)) else {
            return false;
        };
        let gallery = resource.gallery.map(|gallery| gallery.resource.plural);
        let pages = [
            gallery,
            resource.images.map(|_| "add"),
            resource.images.map(|_| "change"),
        ];
        let last = page
            .strip_suffix('/')
            .and_then(|page| page.rsplit('/').next());
        pages.iter().flatten().any(|page| last == Some(*page))
    };
    registry.all().any(takes_images).then_some(MAX_UPLOAD)
}
