//! Uploaded images of a form.

use oc_core::admin::Images;
use oc_core::validation::{FieldError, Violation};
use oc_http::PageError;

use crate::auth::staff_request::StaffRequest;
use crate::ui::submission::Submission;

/// Stores the uploaded image of a form, whose field then has the value of the image. An image stays stored if the form has
/// errors.
pub(crate) async fn store_uploads(
    staff: &StaffRequest,
    images: Images,
    submission: Submission,
) -> Result<(Submission, Vec<FieldError>), PageError> {
    let Some(file) = submission.file(images.field) else {
        return Ok((submission, Vec::new()));
    };
    let queue = &staff.state.image_queue;
    match queue.convert(images, file.bytes.clone()).await {
        Ok(image) => {
            let value = staff.write(move |conn| image.store(conn)).await?;
            Ok((submission.with(images.field, &value), Vec::new()))
        }
        Err(error) => {
            let error = FieldError {
                field: images.field,
                violation: Violation::File(format!("{} {error}", file.name)),
            };
            Ok((submission, vec![error]))
        }
    }
}
