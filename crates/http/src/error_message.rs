//! Heading and text of an error page. Neither contains anything from the request or the cause.

use actix_web::http::StatusCode;

use crate::error::PageError;

/// What an error page says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorMessage {
    /// The page's heading.
    pub heading: &'static str,
    /// One or two sentences: what happened, and what to do.
    pub message: &'static str,
}

impl ErrorMessage {
    /// The server is at its limit of requests.
    pub const OVERLOADED: Self = Self {
        heading: "The site is busy",
        message: "The site has too many visitors at the moment. Try again in a few seconds.",
    };

    const READ_ONLY: Self = Self {
        heading: "The site is read-only",
        message: "You can read all pages, but you cannot log in or make changes during maintenance. \
                  Your changes have not been saved.",
    };

    const WRITE_OUTCOME_UNKNOWN: Self = Self {
        heading: "We do not know if your changes were saved",
        message: "The database did not respond in time. Your changes may have been saved, or may still be. \
                  Check before you try again.",
    };

    /// The message for an error.
    pub fn for_error(error: &PageError, status: StatusCode) -> Self {
        match error {
            PageError::Overloaded => Self::OVERLOADED,
            PageError::ReadOnly => Self::READ_ONLY,
            PageError::WriteOutcomeUnknown(_) => Self::WRITE_OUTCOME_UNKNOWN,
            _ => Self::for_status(status),
        }
    }

    /// The message for a status, if nothing more is known.
    pub fn for_status(status: StatusCode) -> Self {
        let (heading, message) = match status.as_u16() {
            403 => ("Forbidden", "You do not have permission to see this page."),
            404 => (
                "Page not found",
                "There is no page at this address. Check the address, or start from the home page.",
            ),
            405 => (
                "Method not allowed",
                "This page does not accept that kind of request.",
            ),
            408 => (
                "Request timed out",
                "Your request took too long to arrive. Try again.",
            ),
            413 => (
                "Too large",
                "The file or form is too large. Send less at a time.",
            ),
            414 => (
                "Address too long",
                "That address is too long. Shorten it, or start from the home page.",
            ),
            431 => (
                "Request too large",
                "Your browser sent too much data. Try deleting the cookies for this site.",
            ),
            503 => (
                "Temporarily unavailable",
                "The site is temporarily unavailable. Try again in a few seconds.",
            ),
            400..=499 => (
                "Bad request",
                "Something in that request was not valid. Go back and try again.",
            ),
            _ => (
                "Something went wrong",
                "There is a problem with the site. Try again later.",
            ),
        };
        Self { heading, message }
    }
}
