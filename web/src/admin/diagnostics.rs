//! What runs here and how it is, and a fault on purpose, to see that it is reported.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use anyhow::anyhow;
use oc_core::version;
use oc_http::health::{self, HealthChecks};
use serde::Serialize;

use crate::admin::auth::current_user::CurrentUser;
use crate::admin::auth::request::AdminRequest;
use crate::admin::registry::DIAGNOSTICS;
use crate::admin::ui::layout::Breadcrumb;
use crate::admin::ui::submission::Submission;
use crate::diagnostics::Facts;
use oc_http::Db;
use oc_http::Page;
use oc_http::PageError;

#[derive(Serialize)]
struct DiagnosticsPage {
    groups: Vec<Group>,
    reported: bool,
}

impl Page for DiagnosticsPage {
    const TEMPLATE: &'static str = "admin/diagnostics.html";
}

#[derive(Serialize)]
struct Group {
    label: &'static str,
    facts: Vec<Fact>,
}

#[derive(Serialize)]
struct Fact {
    label: String,
    value: String,
    /// Whether something should be done about it.
    bad: bool,
}

impl Fact {
    fn new(label: &str, value: impl Into<String>) -> Self {
        Self {
            label: label.to_owned(),
            value: value.into(),
            bad: false,
        }
    }
}

/// The page, for who has the right.
pub(crate) async fn show(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    checks: Data<HealthChecks>,
    facts: Data<Facts>,
) -> Result<HttpResponse, PageError> {
    check_right(&user)?;
    let (name, version) = db.read(|conn| Ok(version(conn)?)).await?;
    let mut database = vec![
        Fact::new("Kind", format!("{name} {version}")),
        Fact::new("Address", &*facts.database),
    ];
    let checks = checks.run().await.into_iter();
    database.extend(checks.map(|(name, outcome)| Fact {
        label: format!("Check: {name}"),
        value: outcome.to_owned(),
        bad: outcome != health::OK,
    }));
    let program = vec![
        Fact::new("Version", env!("CARGO_PKG_VERSION")),
        Fact::new("Revision", env!("OC_REVISION")),
        Fact::new("Environment", &*facts.environment),
    ];
    let groups = vec![
        Group {
            label: "Program",
            facts: program,
        },
        Group {
            label: "Database",
            facts: database,
        },
        Group {
            label: "Sentry",
            facts: reports(&facts),
        },
    ];
    request.page(
        StatusCode::OK,
        Some(&user),
        "Diagnostics",
        Breadcrumb::trail(&[], "Diagnostics"),
        DiagnosticsPage {
            groups,
            reported: facts.sentry.is_some(),
        },
    )
}

/// How errors are reported.
fn reports(facts: &Facts) -> Vec<Fact> {
    let Some(sentry) = &facts.sentry else {
        return vec![Fact::new("Errors", "not reported: SENTRY_DSN is not set")];
    };
    vec![
        Fact::new("Errors", format!("reported to {}", sentry.host)),
        Fact::new("Environment", &*sentry.environment),
        Fact::new("Release", &*sentry.release),
        Fact::new("Requests with timings", &*sentry.timings),
        Fact::new(
            "Visitors and staff",
            if sentry.personal {
                "reported"
            } else {
                "not reported"
            },
        ),
    ]
}

/// A fault on purpose: an error, or a panic.
pub(crate) async fn fail(
    request: AdminRequest,
    user: CurrentUser,
    fields: Submission,
) -> Result<HttpResponse, PageError> {
    check_right(&user)?;
    request.check_form(Some(&user), &fields)?;
    log::info!("raising a test error");
    assert!(
        fields.text("kind") != "panic",
        "test panic from the diagnostics page"
    );
    Err(PageError::Internal(anyhow!(
        "test error from the diagnostics page"
    )))
}

fn check_right(user: &CurrentUser) -> Result<(), PageError> {
    if user.rights.hold(DIAGNOSTICS) {
        Ok(())
    } else {
        Err(PageError::Forbidden)
    }
}
