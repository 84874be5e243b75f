//! Diagnostics: versions, health checks, settings, and test errors.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use anyhow::anyhow;
use oc_core::version;
use oc_http::health::{BuildInfo, HealthChecks};
use oc_http::{Page, PageError, PageResult};
use serde::Serialize;

use crate::auth::staff_request::StaffRequest;
use crate::registry::DIAGNOSTICS;
use crate::ui::submission::Submission;

/// What the settings say about this installation.
#[derive(Serialize)]
pub struct Facts {
    /// `APP_ENV`.
    pub environment: String,
    /// Address of the database, without its password.
    pub database: String,
    /// How errors are reported, if they are.
    pub sentry: Option<SentryFacts>,
}

/// How errors are reported.
#[derive(Serialize)]
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
struct DiagnosticsPage<'a> {
    facts: &'a Facts,
    version: &'static str,
    revision: &'static str,
    /// Kind and version of the database.
    database: String,
    /// Outcomes by name.
    checks: BTreeMap<&'static str, &'static str>,
}

impl Page for DiagnosticsPage<'_> {
    const TEMPLATE: &'static str = "admin/diagnostics.html";
}

pub(crate) async fn show(
    staff: StaffRequest,
    checks: Data<HealthChecks>,
    facts: Data<Facts>,
    build: Data<BuildInfo>,
) -> PageResult {
    staff.require_code(DIAGNOSTICS)?;
    let (name, version) = staff.read(version).await?;
    let page = DiagnosticsPage {
        facts: &facts,
        version: build.version,
        revision: build.revision,
        database: format!("{name} {version}"),
        checks: checks.run().await,
    };
    staff.page_below_index(StatusCode::OK, "Diagnostics", page)
}

pub(crate) async fn fail(staff: StaffRequest, submission: Submission) -> PageResult {
    staff.require_code(DIAGNOSTICS)?;
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
