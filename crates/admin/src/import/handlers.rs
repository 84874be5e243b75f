//! Handlers of the import: a preview, and the import itself, in one transaction.
//!
//! The server stores nothing between the two: the preview page holds the file, and a digest of the changes that it shows.

use std::io::{Read, Write};

use accounts::Verb;
use actix_web::http::StatusCode;
use actix_web::web::Bytes;
use audit::SubmittedForm;
use chrono::Utc;
use data_encoding::BASE64URL_NOPAD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use oc_core::admin::Resource;
use oc_http::{PageError, PageResult, run_blocking};

use crate::auth::csrf::random;
use crate::auth::denied::DeniedGrant;
use crate::auth::request::Rollback;
use crate::auth::staff_request::StaffRequest;
use crate::form::definition::FORM_TOKEN;
use crate::import::csv_table::{CsvTable, RowError};
use crate::import::importer::{ImportOutcome, Importer};
use crate::import::page::{ImportPage, MAX_FILE_BYTES};
use crate::ui::field::Hidden;
use crate::ui::links::{counted, list_path};
use crate::ui::submission::Submission;

const CONTENT: &str = "content";
const DIGEST: &str = "mark";
const ERRORS: &str = "_errors";

pub(crate) async fn new(staff: StaffRequest) -> PageResult {
    ImportPage::default().show(&staff, allowed(&staff)?, StatusCode::OK)
}

/// Shows a preview of a file, or imports it.
pub(crate) async fn create(staff: StaffRequest, submission: Submission) -> PageResult {
    let submission = staff.accept_or_cancelled(submission)?;
    let model = allowed(&staff)?;
    if submission.is_cancelled {
        let bytes = decoded(&submission).await?;
        return preview(&staff, model, bytes, None).await;
    }
    if submission.has(ERRORS) {
        let file = parsed(model, decoded(&submission).await?).await?;
        let run = run(&staff, model, file, None).await?;
        return ImportPage::errors_file(model, run.outcome.errors);
    }
    if submission.has(CONTENT) {
        if staff.registry().access(model).is_some()
            && let Some(page) = staff.require_reauth(&submission).await?
        {
            return Ok(page);
        }
        return confirm(&staff, model, &submission).await;
    }
    let refuse = |text: String| {
        let page = ImportPage::refused(text);
        page.show(&staff, model, StatusCode::UNPROCESSABLE_ENTITY)
    };
    match submission.file("file") {
        None => refuse("Choose a file.".to_owned()),
        Some(file) if file.bytes.len() > MAX_FILE_BYTES => refuse(format!(
            "The file must be {} MB or smaller.",
            MAX_FILE_BYTES >> 20
        )),
        Some(file) => preview(&staff, model, file.bytes.clone(), None).await,
    }
}

async fn preview(
    staff: &StaffRequest,
    model: &'static Resource,
    bytes: Bytes,
    notice: Option<String>,
) -> PageResult {
    let file = parsed(model, bytes.clone()).await?;
    let content = run_blocking(move || encode(&bytes)).await??;
    let content = Hidden::new(CONTENT, content);
    let mut page = match &file {
        Ok(table) => ImportPage::for_table(table),
        Err(_) => ImportPage::default(),
    };
    let ImportRun { outcome, .. } = run(staff, model, file, None).await?;
    if !outcome.errors.is_empty() {
        page = page.with_errors(outcome.errors, content);
        let mut response = page.show(staff, model, StatusCode::UNPROCESSABLE_ENTITY)?;
        DeniedGrant::attach(&mut response, outcome.denied_columns);
        return Ok(response);
    }
    let digest = Hidden::new(DIGEST, &*outcome.digest);
    let hidden = vec![content, digest, Hidden::new(FORM_TOKEN, random())];
    let status = if notice.is_some() {
        StatusCode::CONFLICT
    } else {
        StatusCode::OK
    };
    let page = page.with_changes(model, *outcome, hidden, notice);
    page.show(staff, model, status)
}

/// Imports the file if that makes the changes that were shown.
async fn confirm(
    staff: &StaffRequest,
    model: &'static Resource,
    submission: &Submission,
) -> PageResult {
    let bytes = decoded(submission).await?;
    let file = parsed(model, bytes.clone()).await?;
    let digest = submission.text(DIGEST).to_owned();
    let form = format!("{digest} {}", submission.text(FORM_TOKEN));
    let form = SubmittedForm::new(staff.user.user.id, &model.key(), &form);
    let form = submission.has(FORM_TOKEN).then_some(form);
    let confirmation = Some(Confirmation { digest, form });
    let ImportRun { outcome, is_saved } = run(staff, model, file, confirmation).await?;
    if !is_saved {
        let text =
            "These items have changed since you checked the file. Nothing has been saved yet.";
        return preview(staff, model, bytes, Some(text.to_owned())).await;
    }
    let counts = [("Added", outcome.added), ("Changed", outcome.changed)].into_iter();
    let counts = counts.filter(|(_, count)| *count > 0);
    let text: Vec<String> = counts
        .map(|(verb, count)| format!("{verb} {}.", counted(model, count)))
        .collect();
    if text.is_empty() {
        return Ok(staff.warn("This file has already been imported.", &list_path(model)));
    }
    Ok(staff.succeed(text.join(" "), &list_path(model)))
}

/// The rows of a file, or its errors.
type ParsedFile = Result<CsvTable, Vec<RowError>>;

async fn parsed(model: &'static Resource, bytes: Bytes) -> Result<ParsedFile, PageError> {
    Ok(run_blocking(move || CsvTable::read(model, &bytes)).await?)
}

async fn decoded(submission: &Submission) -> Result<Bytes, PageError> {
    let content = submission.text(CONTENT).to_owned();
    let bytes = run_blocking(move || decode(&content)).await?;
    bytes.map(Bytes::from).ok_or(PageError::BadRequest)
}

/// The digest of the changes that were shown, and the form that confirms them.
struct Confirmation {
    digest: String,
    form: Option<SubmittedForm>,
}

struct ImportRun {
    outcome: Box<ImportOutcome>,
    is_saved: bool,
}

/// Runs a file in a transaction, which is committed only if there are no errors and the changes have the expected digest.
/// The same form does nothing a second time.
async fn run(
    staff: &StaffRequest,
    model: &'static Resource,
    file: ParsedFile,
    expected: Option<Confirmation>,
) -> Result<ImportRun, PageError> {
    let table = match file {
        Ok(table) => table,
        Err(errors) => {
            let outcome = ImportOutcome {
                errors,
                ..ImportOutcome::default()
            };
            return Ok(ImportRun {
                outcome: Box::new(outcome),
                is_saved: false,
            });
        }
    };
    let importer = Importer {
        editor: staff.editor(),
        model,
    };
    let run = staff.try_write_long(move |conn| {
        let expected = expected.as_ref();
        let form = expected.and_then(|expected| expected.form.as_ref());
        if let Some(form) = form
            && form.find(conn)?.is_some()
        {
            return Ok(Box::default());
        }
        let outcome = Box::new(importer.run(conn, &table)?);
        let is_expected = expected.is_some_and(|expected| expected.digest == outcome.digest);
        if !outcome.errors.is_empty() || !is_expected {
            return Err(Rollback::Rejected(outcome));
        }
        if let Some(form) = form {
            form.insert(conn, 0, Utc::now().naive_utc())?;
        }
        Ok(outcome)
    });
    let run = run.await?;
    let is_saved = run.is_ok();
    let (Ok(outcome) | Err(outcome)) = run;
    Ok(ImportRun { outcome, is_saved })
}

fn allowed(staff: &StaffRequest) -> Result<&'static Resource, PageError> {
    let model = staff.resource()?;
    if !staff.user.may_import(model) {
        staff.require(Verb::Change, model)?;
    }
    Ok(model)
}

fn encode(bytes: &[u8]) -> Result<String, PageError> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let compressed = encoder.write_all(bytes).and_then(|()| encoder.finish());
    let compressed = compressed.map_err(|error| PageError::Internal(error.into()))?;
    Ok(BASE64URL_NOPAD.encode(&compressed))
}

/// Decodes the file of a page; `None` if it is invalid or too large.
fn decode(content: &str) -> Option<Vec<u8>> {
    let compressed = BASE64URL_NOPAD.decode(content.as_bytes()).ok()?;
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_FILE_BYTES).ok()?;
    GzDecoder::new(&*compressed)
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .ok()?;
    (bytes.len() <= MAX_FILE_BYTES).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_decoded_unless_it_is_too_large() {
        let bytes = b"id,title\r\n1,\"a\nb\"\r\n".to_vec();
        let encoded = encode(&bytes).unwrap();

        assert_eq!(decode(&encoded), Some(bytes));
        assert_eq!(decode("nonsense!"), None);
        assert_eq!(
            decode(&encode(&vec![b'a'; MAX_FILE_BYTES + 1]).unwrap()),
            None
        );
    }
}
