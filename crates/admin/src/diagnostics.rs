//! Diagnostics: versions, health checks, settings, and test errors.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use anyhow::anyhow;
use oc_core::version;
use oc_http::health::{self, BuildInfo, HealthChecks};
use oc_http::{Page, PageError};
use serde::Serialize;

use crate::auth::staff_request::StaffRequest;
use crate::registry::DIAGNOSTICS;
use crate::ui::layout::Breadcrumb;
use crate::ui::submission::Submission;

/// What the settings say about this installation.
pub struct Facts {
    /// `APP_ENV`.
    pub environment: String,
    /// Address of the database, without its password.
    pub database: String,
    /// How errors are reported, if they are.
    pub sentry: Option<SentryFacts>,
}

/// How errors are reported.
pub struct SentryFacts {
    /// Host that receives the reports.
    pub host: String,
    /// `SENTRY_ENVIRONMENT`.
    pub environment: String,
    /// `SENTRY_RELEASE`.
    pub release: String,
    /// Share of requests that are traced.
    pub timings: String,
    /// Whether reports contain personal data.
    pub personal: bool,
}

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

/// The page.
pub(crate) async fn show(
    staff: StaffRequest,
    checks: Data<HealthChecks>,
    facts: Data<Facts>,
    build: Data<BuildInfo>,
) -> Result<HttpResponse, PageError> {
    check_permission(&staff)?;
    let (name, version) = staff.db.read(|conn| Ok(version(conn)?)).await?;
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
        Fact::new("Version", build.version),
        Fact::new("Revision", build.revision),
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
    let page = DiagnosticsPage {
        groups,
        reported: facts.sentry.is_some(),
    };
    let breadcrumbs = Breadcrumb::trail(&[], "Diagnostics");
    staff.page(StatusCode::OK, "Diagnostics", breadcrumbs, page)
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

/// Raises a test error or a panic.
pub(crate) async fn fail(
    staff: StaffRequest,
    submission: Submission,
) -> Result<HttpResponse, PageError> {
    check_permission(&staff)?;
    staff.check_form(&submission)?;
    log::info!("raising a test error");
    assert!(
        submission.text("kind") != "panic",
        "test panic from the diagnostics page"
    );
    Err(PageError::Internal(anyhow!(
        "test error from the diagnostics page"
    )))
}

fn check_permission(staff: &StaffRequest) -> Result<(), PageError> {
    if staff.user.permissions.has(DIAGNOSTICS) {
        Ok(())
    } else {
        Err(PageError::Forbidden)
    }
}
