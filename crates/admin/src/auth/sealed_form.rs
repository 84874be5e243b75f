//! Sealed forms: a submission encrypted into a page or the session until it is needed.
//!
//! Each one is valid for one user, one purpose and one address. The server stores nothing but what the session holds.

use oc_http::PageError;

use crate::auth::request::AdminRequest;
use crate::auth::staff_request::StaffRequest;
use crate::ui::submission::Submission;

/// Purpose of a form that is submitted after re-authentication.
pub(super) const REAUTH: &str = "reauth form";
/// Purpose of a form that its page shows again, filled in.
const RESTORE: &str = "restored form";
/// Purpose of a form that its page shows again after a login.
pub(super) const LOGIN: &str = "login form";

pub(super) fn seal(
    request: &AdminRequest,
    user_id: i64,
    purpose: &str,
    target: &str,
    submission: &Submission,
) -> String {
    // JSON is shorter than urlencoded text, where a character can take 12 bytes.
    let text = serde_json::to_vec(submission.fields()).expect("text can be written as JSON");
    let context = format!("{user_id} {target}");
    request.key().seal(purpose, &context, &text)
}

/// The submission that was sealed; `None` if it was for somebody or something else.
pub(super) fn open(
    request: &AdminRequest,
    user_id: i64,
    purpose: &str,
    target: &str,
    sealed: &str,
) -> Option<Submission> {
    let context = format!("{user_id} {target}");
    let text = request.key().open(purpose, &context, sealed)?;
    let fields: Vec<(String, String)> = serde_json::from_slice(&text).ok()?;
    Some(fields.into())
}

/// Keeps a submission in the session for the next request for its page. Only add and change pages show it again.
pub(crate) fn keep(
    request: &AdminRequest,
    user_id: i64,
    target: &str,
    submission: &Submission,
) -> Result<(), PageError> {
    let path = target.split('?').next().unwrap_or_default();
    if ["/add/", "/change/"].iter().any(|end| path.ends_with(end)) {
        let submission = submission.clone();
        let submission = submission.with("password1", "").with("password2", "");
        let sealed = seal(request, user_id, RESTORE, target, &submission);
        request.session.keep_form(target, &sealed)?;
    }
    Ok(())
}

/// The submission that was kept for this page, which is shown once.
pub(crate) fn take(staff: &StaffRequest) -> Option<Submission> {
    let target = staff.target();
    let sealed = staff.session.take_kept_form(&staff.http, &target)?;
    open(staff, staff.user.user.id, RESTORE, &target, &sealed)
}
