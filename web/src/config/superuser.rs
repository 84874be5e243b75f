//! The account that two commands are about, from the environment.

/// The account that `createsuperuser` and `changepassword` are about, where nobody can be asked.
#[derive(Default)]
pub(crate) struct Superuser {
    pub(crate) username: String,
    pub(crate) email: String,
    pub(crate) password: String,
}

impl Superuser {
    /// What the environment says; empty where it says nothing.
    #[expect(
        clippy::disallowed_methods,
        reason = "this module reads the environment, and nothing else does"
    )]
    pub(crate) fn from_env() -> Self {
        let variable = |name| std::env::var(name).unwrap_or_default();
        Self {
            username: variable("SUPERUSER_USERNAME"),
            email: variable("SUPERUSER_EMAIL"),
            password: variable("SUPERUSER_PASSWORD"),
        }
    }
}
