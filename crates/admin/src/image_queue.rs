//! Conversion of uploaded images: one at a time, off the async threads, within a time limit.

use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::time::timeout;
use oc_core::admin::{Images, NewImage};
use oc_http::run_blocking;
use tokio::sync::Mutex;

use crate::ui::submission::SubmittedFile;

/// How long the conversion of an image may take.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Converts images, one at a time in this process: each may need hundreds of megabytes.
#[derive(Default)]
pub struct ImageQueue(Arc<Mutex<()>>);

impl ImageQueue {
    /// Converts a file. The error is a sentence with its name.
    pub(crate) async fn convert(
        &self,
        images: Images,
        file: &SubmittedFile,
    ) -> Result<Box<dyn NewImage>, String> {
        let bytes = file.bytes.clone();
        let turn = Arc::clone(&self.0).lock_owned().await;
        let work = run_blocking(move || {
            // Held until the work ends, even if nobody waits for it any more.
            let _turn = turn;
            (images.convert)(&bytes)
        });
        let converted = match timeout(TIME_LIMIT, work).await {
            Ok(Ok(converted)) => converted,
            Ok(Err(error)) => {
                log::error!("could not convert an image: {error}");
                Err("could not be read. Save it again, or choose another file.".to_owned())
            }
            Err(_) => Err("takes too long to convert. Save it smaller.".to_owned()),
        };
        converted.map_err(|error| format!("{} {error}", file.name))
    }
}
