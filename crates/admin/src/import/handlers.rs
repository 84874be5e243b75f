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
use crate::auth::request::Rollback;
use crate::auth::staff_request::StaffRequest;
use crate::form::definition::FORM_TOKEN;
use crate::import::csv_table::CsvTable;
use crate::import::importer::{ImportOutcome, Importer};
use crate::import::page::{ImportPage, MAX_FILE_BYTES, errors_file};
use crate::ui::field::Hidden;
use crate::ui::links::{counted, list_path};
use crate::ui::submission::Submission;

const CONTENT: &str = "content";
const DIGEST: &str = "mark";
const ERRORS: &str = "_errors";

const CHANGED: &str =
    "These items have changed since you checked the file. Nothing has been saved yet.";

pub(crate) async fn new(staff: StaffRequest) -> PageResult {
    let model = allowed(&staff)?;
    ImportPage::new(model).show(&staff, model, StatusCode::OK)
}

/// Shows a preview of a file, or imports it.
pub(crate) async fn create(staff: StaffRequest, submission: Submission) -> PageResult {
    let submission = staff.accept_or_cancelled(submission)?;
    let model = allowed(&staff)?;
    if submission.has(CONTENT) {
        let content = submission.text(CONTENT).to_owned();
        let bytes = run_blocking(move || decode(&content)).await?;
        let bytes = bytes.ok_or(PageError::BadRequest)?;
        if submission.is_cancelled {
            return preview(&staff, model, bytes).await;
        }
        if submission.has(ERRORS) {
            let (Ok(outcome) | Err(outcome)) = run(&staff, model, bytes, None).await?;
            return errors_file(model, outcome.errors);
        }
        if staff.registry().access(model).is_some() {
            staff.require_reauth(&submission).await?;
        }
        return confirm(&staff, model, bytes, &submission).await;
    }
    let refuse = |text: String| {
        let mut page = ImportPage::new(model);
        page.file_error = Some(text);
        page.show(&staff, model, StatusCode::UNPROCESSABLE_ENTITY)
    };
    match submission.file("file") {
        None => refuse("Choose a file.".to_owned()),
        Some(file) if file.bytes.len() > MAX_FILE_BYTES => refuse(format!(
            "The file must be {} MB or smaller.",
            MAX_FILE_BYTES >> 20
        )),
        Some(file) => preview(&staff, model, file.bytes.clone()).await,
    }
}

async fn preview(staff: &StaffRequest, model: &'static Resource, bytes: Bytes) -> PageResult {
    let (Ok(outcome) | Err(outcome)) = run(staff, model, bytes.clone(), None).await?;
    show(staff, model, bytes, *outcome, None).await
}

/// Shows what importing a file would do, or its errors.
async fn show(
    staff: &StaffRequest,
    model: &'static Resource,
    bytes: Bytes,
    outcome: ImportOutcome,
    notice: Option<&'static str>,
) -> PageResult {
    let content = run_blocking(move || encode(&bytes)).await??;
    let mut hidden = vec![Hidden::new(CONTENT, content)];
    let status = if outcome.errors.is_empty() {
        hidden.push(Hidden::new(DIGEST, &*outcome.digest));
        hidden.push(Hidden::new(FORM_TOKEN, random()));
        notice.map_or(StatusCode::OK, |_| StatusCode::CONFLICT)
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    staff.note_escalation(outcome.denied_columns.iter().copied());
    ImportPage::for_outcome(model, outcome, hidden, notice).show(staff, model, status)
}

/// Imports the file if that makes the changes that were shown.
async fn confirm(
    staff: &StaffRequest,
    model: &'static Resource,
    bytes: Bytes,
    submission: &Submission,
) -> PageResult {
    let digest = submission.text(DIGEST).to_owned();
    let form = format!("{digest} {}", submission.text(FORM_TOKEN));
    let form = submission
        .has(FORM_TOKEN)
        .then(|| SubmittedForm::new(staff.user.user.id, &model.key(), &form));
    let outcome = match run(staff, model, bytes.clone(), Some((digest, form))).await? {
        Ok(outcome) => outcome,
        Err(outcome) => return show(staff, model, bytes, *outcome, Some(CHANGED)).await,
    };
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

/// Imports a file in a transaction, which is committed only if there are no errors and the changes have the confirmed
/// digest; otherwise the outcome is an `Err`. The same form does nothing a second time.
async fn run(
    staff: &StaffRequest,
    model: &'static Resource,
    bytes: Bytes,
    confirmed: Option<(String, Option<SubmittedForm>)>,
) -> Result<Result<Box<ImportOutcome>, Box<ImportOutcome>>, PageError> {
    let table = match run_blocking(move || CsvTable::read(model, &bytes)).await? {
        Ok(table) => table,
        Err(errors) => {
            let outcome = ImportOutcome {
                errors,
                ..ImportOutcome::default()
            };
            return Ok(Err(Box::new(outcome)));
        }
    };
    let importer = Importer {
        editor: staff.editor(),
        model,
    };
    let run = staff.try_write_long(move |conn| {
        if let Some((_, Some(form))) = &confirmed
            && form.find(conn)?.is_some()
        {
            return Ok(Box::default());
        }
        let outcome = Box::new(importer.run(conn, &table)?);
        match confirmed {
            Some((digest, form)) if outcome.errors.is_empty() && digest == outcome.digest => {
                if let Some(form) = form {
                    form.insert(conn, 0, Utc::now().naive_utc())?;
                }
                Ok(outcome)
            }
            _ => Err(Rollback::Rejected(outcome)),
        }
    });
    run.await
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
fn decode(content: &str) -> Option<Bytes> {
    let compressed = BASE64URL_NOPAD.decode(content.as_bytes()).ok()?;
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_FILE_BYTES).ok()?;
    GzDecoder::new(&*compressed)
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .ok()?;
    (bytes.len() <= MAX_FILE_BYTES).then(|| bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_decoded_unless_it_is_too_large() {
        let bytes = b"id,title\r\n1,\"a\nb\"\r\n".to_vec();
        let encoded = encode(&bytes).unwrap();

        assert_eq!(decode(&encoded), Some(bytes.into()));
        assert_eq!(decode("nonsense!"), None);
        assert_eq!(
            decode(&encode(&vec![b'a'; MAX_FILE_BYTES + 1]).unwrap()),
            None
        );
    }
}
