//! What a visitor is told when there is no page. Nothing of it comes from the request or from the fault.

use actix_web::http::StatusCode;

/// A heading and a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) heading: &'static str,
    pub(crate) message: &'static str,
}

impl Words {
    /// There is no room for another request.
    pub(crate) const BUSY: Self = Self {
        heading: "Very busy just now",
        message: "More visitors are here than we can serve at once. Please try again in a few seconds.",
    };

    /// Nothing can be changed for the time being.
    pub(crate) const READ_ONLY: Self = Self {
        heading: "Read-only for now",
        message: "Nothing can be changed or logged into while we work on the site. All pages can be read. \
                  Nothing of what you sent was saved.",
    };

    /// It is not known whether what was sent was saved.
    pub(crate) const UNCONFIRMED: Self = Self {
        heading: "We cannot tell whether that was saved",
        message: "Our records did not answer in time. What you sent may have been saved, or may be in a moment: \
                  look before you send it again.",
    };

    /// Nothing can be saved since the database was taken away.
    pub(crate) const LOST: Self = Self {
        heading: "Nothing can be saved just now",
        message: "Something is wrong with our records, and we have been told. \
                  What you sent was not saved; please try again later.",
    };

    /// What a status means where nothing more is known.
    pub(crate) fn of(status: StatusCode) -> Self {
        let (heading, message) = match status.as_u16() {
            400 => ("Bad request", "We could not make sense of that request."),
            403 => ("Forbidden", "You may not do that here."),
            404 => (
                "Page not found",
                "There is nothing at this address. It may have moved, or never been here.",
            ),
            405 => (
                "Method not allowed",
                "This page can be read, but not be sent anything.",
            ),
            408 => (
                "Too slow",
                "Your request took too long to arrive. Please try again.",
            ),
            413 => (
                "Too much at once",
                "What you sent is larger than we take. Please send less.",
            ),
            414 => (
                "Address too long",
                "That address is longer than any of ours. Please shorten it, or start from the home page.",
            ),
            431 => (
                "Request too large",
                "Your browser sent more about itself than we take. Removing our cookies may help.",
            ),
            503 => (
                "Back in a moment",
                "We cannot reach our records just now. Please try again in a few seconds.",
            ),
            401..=499 => ("Request refused", "We could not answer that request."),
            _ => (
                "Something went wrong",
                "The fault is ours, and we have been told. Please try again later.",
            ),
        };
        Self { heading, message }
    }
}
