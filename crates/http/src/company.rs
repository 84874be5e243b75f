//! The company behind the site, for the footer and the privacy page.

use serde::Serialize;

/// The company, as far as it is set.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Company {
    /// Name.
    pub name: Option<String>,
    /// Postal address, in one line.
    pub address: Option<String>,
    /// Email address for questions.
    pub email: Option<String>,
    /// Phone number.
    pub phone: Option<String>,
    /// Where to report security problems: the URL in security.txt.
    #[serde(skip)]
    pub security_contact: Option<String>,
}
