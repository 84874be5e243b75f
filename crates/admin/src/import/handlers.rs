//! Handlers of the import: a preview, and the import itself, in one transaction.
//!
//! The server stores nothing between the two: the preview page holds the file, with a signature for this user, this file
//! and the changes that were shown.

use std::io::{Read, Write};

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use diesel::result::Error as DatabaseError;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use oc_core::admin::Resource;
use oc_core::timeouts::raise_statement_timeout;
use oc_http::{Db, PageError, run_blocking};
use subtle::ConstantTimeEq;

use crate::auth::current_user::CurrentUser;
use crate::auth::denied::DeniedGrant;
use crate::auth::reauth::Reauth;
use crate::auth::request::AdminRequest;
use crate::import::csv_table::{CsvTable, RowError};
use crate::import::importer::{ImportOutcome, Importer};
use crate::import::page::ImportPage;
use crate::import::upload::{MAX_FILE_BYTES, Upload, UploadedFile};
use crate::registry::Editor;
use crate::secret_key::SecretKey;
use crate::ui::field::Hidden;
use crate::ui::links::{counted, list_path, see_other};
use crate::ui::submission::Submission;

/// The field with the encoded file.
const CONTENT: &str = "content";
/// The field with the signature.
const SIGNATURE: &str = "mark";
/// The button that downloads the errors.
const ERRORS: &str = "_errors";

/// The page to choose a file.
pub(crate) async fn new(
    request: AdminRequest,
    user: CurrentUser,
    path: Path<(String, String)>,
) -> Result<HttpResponse, PageError> {
    let model = allowed(&request, &user, &path)?;
    ImportPage::default().show(&request, &user, model, StatusCode::OK)
}

/// Shows a preview of a file, or imports it.
pub(crate) async fn create(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    path: Path<(String, String)>,
    reauth: Reauth,
    upload: Upload,
) -> Result<HttpResponse, PageError> {
    let submission = request.accept_or_cancelled(&user, upload.fields)?;
    let model = allowed(&request, &user, &path)?;
    if submission.is_cancelled {
        let bytes = decoded(submission.text(CONTENT).to_owned()).await?;
        return preview(&request, &user, &db, model, bytes, None).await;
    }
    if submission.has(ERRORS) {
        let bytes = decoded(submission.text(CONTENT).to_owned()).await?;
        let (outcome, _) =
            run(&request, &user, &db, parsed(model, bytes).await?, |_| false).await?;
        return ImportPage::errors_file(model, outcome.errors);
    }
    if submission.has(CONTENT) {
        if request.registry().access(model).is_some()
            && let Some(page) = reauth.require(&request, &user, &submission).await?
        {
            return Ok(page);
        }
        return confirm(&request, &user, &db, model, &submission).await;
    }
    let refuse = |text: String| {
        let page = ImportPage::refused(text);
        page.show(&request, &user, model, StatusCode::UNPROCESSABLE_ENTITY)
    };
    match upload.file {
        UploadedFile::None => refuse("Choose a file.".to_owned()),
        UploadedFile::TooLarge => refuse(format!(
            "The file must be {} MB or smaller.",
            MAX_FILE_BYTES >> 20
        )),
        UploadedFile::Bytes(bytes) => preview(&request, &user, &db, model, bytes, None).await,
    }
}

/// Shows the preview of a file.
async fn preview(
    request: &AdminRequest,
    user: &CurrentUser,
    db: &Db,
    model: &'static Resource,
    bytes: Vec<u8>,
    notice: Option<String>,
) -> Result<HttpResponse, PageError> {
    let file = parsed(model, bytes).await?;
    let content = file.content.clone();
    let mut page = file
        .table
        .as_ref()
        .map_or_else(|_| ImportPage::default(), ImportPage::for_table);
    let (outcome, _) = run(request, user, db, file, |_| false).await?;
    let hidden = |name: &str, value| Hidden {
        name: name.to_owned(),
        value,
    };
    if !outcome.errors.is_empty() {
        page = page.with_errors(outcome.errors, hidden(CONTENT, content));
        let mut response = page.show(request, user, model, StatusCode::UNPROCESSABLE_ENTITY)?;
        DeniedGrant::attach(&mut response, outcome.denied_columns);
        return Ok(response);
    }
    let sign = sign(
        request.key(),
        user.user.id,
        model,
        &content,
        &outcome.digest,
    );
    let hidden = vec![hidden(CONTENT, content), hidden(SIGNATURE, sign)];
    let status = if notice.is_some() {
        StatusCode::CONFLICT
    } else {
        StatusCode::OK
    };
    page.with_changes(model, outcome, hidden, notice)
        .show(request, user, model, status)
}

/// Imports the file if that makes the changes that were shown.
async fn confirm(
    request: &AdminRequest,
    user: &CurrentUser,
    db: &Db,
    model: &'static Resource,
    sent: &Submission,
) -> Result<HttpResponse, PageError> {
    let (content, signature) = (
        sent.text(CONTENT).to_owned(),
        sent.text(SIGNATURE).to_owned(),
    );
    let bytes = decoded(content.clone()).await?;
    let (key, user_id) = (request.key().clone(), user.user.id);
    let is_signed = move |digest: &str| -> bool {
        sign(&key, user_id, model, &content, digest)
            .as_bytes()
            .ct_eq(signature.as_bytes())
            .into()
    };
    let file = parsed(model, bytes.clone()).await?;
    let (outcome, is_saved) = run(request, user, db, file, is_signed).await?;
    if !is_saved {
        let text =
            "These items have changed since you checked the file. Nothing has been saved yet.";
        return preview(request, user, db, model, bytes, Some(text.to_owned())).await;
    }
    let counts = [("Added", outcome.added), ("Changed", outcome.changed)].into_iter();
    let counts = counts.filter(|(_, count)| *count > 0);
    let text: Vec<String> = counts
        .map(|(verb, count)| format!("{verb} {}.", counted(model, count)))
        .collect();
    request.session.add_message("success", text.join(" "));
    Ok(see_other(&list_path(model)))
}

/// A file, encoded for a page, and its rows or errors.
struct ParsedFile {
    model: &'static Resource,
    content: String,
    table: Result<CsvTable, Vec<RowError>>,
}

async fn parsed(model: &'static Resource, bytes: Vec<u8>) -> Result<ParsedFile, PageError> {
    let parse = move || {
        Ok(ParsedFile {
            model,
            content: encode(&bytes)?,
            table: CsvTable::read(model, &bytes),
        })
    };
    run_blocking(parse)
        .await
        .map_err(|error| PageError::Internal(error.into()))?
}

/// The file in a page.
async fn decoded(content: String) -> Result<Vec<u8>, PageError> {
    let bytes = run_blocking(move || decode(&content))
        .await
        .map_err(|error| PageError::Internal(error.into()))?;
    bytes.ok_or(PageError::BadRequest)
}

/// Runs a file in a transaction, which is committed only if there are no errors and the digest of the changes is
/// confirmed. Returns whether it was.
async fn run(
    request: &AdminRequest,
    user: &CurrentUser,
    db: &Db,
    file: ParsedFile,
    is_confirmed: impl Fn(&str) -> bool + Send + 'static,
) -> Result<(ImportOutcome, bool), PageError> {
    let registry = request.registry();
    let (author, permissions) = (user.user.clone(), user.permissions.clone());
    db.run_long(move |conn| {
        let mut outcome = ImportOutcome::default();
        let (model, table) = (file.model, file.table);
        let table = match table {
            Ok(table) => table,
            Err(errors) => {
                outcome.errors = errors;
                return Ok((outcome, false));
            }
        };
        let editor = Editor {
            registry,
            user: &author,
            permissions: &permissions,
        };
        let saved = conn.write(|conn| {
            raise_statement_timeout(conn)?;
            outcome = Importer { editor, model }.run(conn, &table)?;
            if outcome.errors.is_empty() && is_confirmed(&outcome.digest) {
                Ok(())
            } else {
                Err(DatabaseError::RollbackTransaction)
            }
        });
        match saved {
            Ok(()) => Ok((outcome, true)),
            Err(DatabaseError::RollbackTransaction) => Ok((outcome, false)),
            Err(error) => Err(error.into()),
        }
    })
    .await
}

fn allowed(
    request: &AdminRequest,
    user: &CurrentUser,
    path: &Path<(String, String)>,
) -> Result<&'static Resource, PageError> {
    let model = request.registry().find(&path.0, &path.1);
    let model = model.ok_or(PageError::NotFound)?;
    if request.registry().may_import(&user.permissions, model) {
        Ok(model)
    } else {
        Err(PageError::Forbidden)
    }
}

/// The signature for a user, a file and the digest of its changes.
fn sign(key: &SecretKey, user_id: i64, model: &Resource, content: &str, digest: &str) -> String {
    let parts = [&*user_id.to_string(), &*model.key(), content, digest];
    key.sign("import", &parts)
}

/// Encodes a file for a page.
fn encode(bytes: &[u8]) -> Result<String, PageError> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let compressed = encoder.write_all(bytes).and_then(|()| encoder.finish());
    let compressed = compressed.map_err(|error| PageError::Internal(error.into()))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(compressed))
}

/// Decodes the file of a page; `None` if it is invalid or too large.
fn decode(content: &str) -> Option<Vec<u8>> {
    let compressed = BASE64_URL_SAFE_NO_PAD.decode(content).ok()?;
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
