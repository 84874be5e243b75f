//! Login, sessions and everything that asks for a password.

pub(crate) mod account;
pub(crate) mod csrf;
pub(crate) mod current_user;
pub(crate) mod denied;
pub(crate) mod device_cookie;
pub(crate) mod login;
pub(crate) mod login_page;
pub(crate) mod password_reset;
pub(crate) mod passwords;
pub(crate) mod pending_login;
pub(crate) mod reauth;
pub(crate) mod request;
pub(crate) mod sealed_form;
pub(crate) mod session;
pub(crate) mod session_store;
pub(crate) mod sessions;
pub(crate) mod staff_request;
pub(crate) mod throttle;
pub(crate) mod totp;
pub(crate) mod two_factor;
pub(crate) mod user_token;
