//! Taking in a file of rows: it is looked at first, and what it would do is shown; then all of it is done, or nothing.
//!
//! Nothing is kept on our side between the two steps: the page carries the file, with a mark that counts only for that
//! user, that file, and the very changes that were shown.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use diesel::result::Error as DatabaseError;
use oc_core::admin::Resource;
use oc_core::timeouts::raise_statement_timeout;
use subtle::ConstantTimeEq;

use crate::admin::auth::current_user::CurrentUser;
use crate::admin::auth::denied::DeniedGrant;
use crate::admin::auth::reauth::{Posted, Reauth, cancelled};
use crate::admin::import::upload::{MAX_FILE_BYTES, Upload, UploadedFile};
use crate::admin::import::{
    CsvTable, ImportOutcome, ImportPage, Importer, RowError, attempt, decode, encode, sign,
};
use crate::admin::registry::{self, list_path};
use crate::admin::ui::field::Hidden;
use crate::admin::ui::form_data::Submission;
use crate::admin::ui::messages;
use crate::admin::ui::request::{AdminRequest, see_other};
use crate::blocking;
use crate::db::Db;
use crate::error::PageError;

/// The file, as the page carries it.
const CONTENT: &str = "content";
/// What shows that it was looked at.
const MARK: &str = "mark";

/// The page that asks for a file.
pub(crate) async fn new(
    request: AdminRequest,
    user: CurrentUser,
    path: Path<(String, String)>,
) -> Result<HttpResponse, PageError> {
    let model = allowed(&user, &path)?;
    ImportPage::default().show(&request, &user, model, StatusCode::OK)
}

/// Takes a file and shows what it would do, or does what was shown.
pub(crate) async fn create(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    path: Path<(String, String)>,
    reauth: Reauth,
    upload: Upload,
) -> Result<HttpResponse, PageError> {
    request.check_form(Some(&user), &upload.fields)?;
    let model = allowed(&user, &path)?;
    if let Some(form) = cancelled(&request, &user, &upload.fields)? {
        // Back to what the file would do.
        let bytes = unpacked(form.text(CONTENT).to_owned()).await?;
        return preview(&request, &user, &db, model, bytes, None).await;
    }
    let posted = Posted::of(&request, &user, upload.fields)?;
    if posted.form.has(CONTENT) {
        // Accounts and groups hold rights.
        if model.app == "auth"
            && let Some(page) = reauth.require(&request, &user, &posted).await?
        {
            return Ok(page);
        }
        return confirm(&request, &user, &db, model, &posted.form).await;
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

/// Shows what a file would do.
async fn preview(
    request: &AdminRequest,
    user: &CurrentUser,
    db: &Db,
    model: &'static Resource,
    bytes: Vec<u8>,
    notice: Option<String>,
) -> Result<HttpResponse, PageError> {
    let (content, bytes) = blocking::run(move || (encode(&bytes), bytes))
        .await
        .map_err(|error| PageError::Internal(error.into()))?;
    let content = content?;
    let outcome = match run(user, db, model, bytes, None).await? {
        ImportRun::Unreadable(errors) => ImportOutcome {
            errors,
            ..ImportOutcome::default()
        },
        ImportRun::Undone(outcome) | ImportRun::Done(outcome) => outcome,
    };
    if !outcome.errors.is_empty() {
        let page = ImportPage::with_errors(outcome.errors);
        let mut response = page.show(request, user, model, StatusCode::UNPROCESSABLE_ENTITY)?;
        DeniedGrant::attach(&mut response, outcome.exceeds.iter().map(String::as_str));
        return Ok(response);
    }
    let sign = sign(
        request.key(),
        user.user.id,
        model,
        &content,
        &outcome.digest,
    );
    let hidden = [(CONTENT, content), (MARK, sign)].map(|(name, value)| Hidden {
        name: name.to_owned(),
        value,
    });
    let status = if notice.is_some() {
        StatusCode::CONFLICT
    } else {
        StatusCode::OK
    };
    ImportPage::of(model, outcome, hidden.into(), notice).show(request, user, model, status)
}

/// Does what was shown, if it still is what would be done.
async fn confirm(
    request: &AdminRequest,
    user: &CurrentUser,
    db: &Db,
    model: &'static Resource,
    sent: &Submission,
) -> Result<HttpResponse, PageError> {
    let (content, marked) = (sent.text(CONTENT).to_owned(), sent.text(MARK).to_owned());
    let bytes = unpacked(content.clone()).await?;
    // A mark for each file that could have been shown cannot be had: the digest is known only once it is run.
    let (key, user_id) = (request.key().clone(), user.user.id);
    let is_marked = move |digest: &str| -> bool {
        sign(&key, user_id, model, &content, digest)
            .as_bytes()
            .ct_eq(marked.as_bytes())
            .into()
    };
    match run(user, db, model, bytes.clone(), Some(Box::new(is_marked))).await? {
        ImportRun::Done(outcome) => {
            let parts = [("Added", outcome.added), ("Changed", outcome.changed)];
            let done = parts.iter().filter(|(_, count)| *count > 0);
            let text: Vec<String> = done
                .map(|(verb, count)| format!("{verb} {}.", attempt(model, *count)))
                .collect();
            messages::add(&request.session, "success", text.join(" "));
            Ok(see_other(&list_path(model)))
        }
        ImportRun::Undone(_) | ImportRun::Unreadable(_) => {
            let text =
                "These items have changed since you checked the file. Nothing has been saved yet.";
            preview(request, user, db, model, bytes, Some(text.to_owned())).await
        }
    }
}

/// The file that a page carried.
async fn unpacked(content: String) -> Result<Vec<u8>, PageError> {
    let bytes = blocking::run(move || decode(&content))
        .await
        .map_err(|error| PageError::Internal(error.into()))?;
    bytes.ok_or(PageError::BadRequest)
}

/// How the run of a file ended.
enum ImportRun {
    Unreadable(Vec<RowError>),
    /// All was undone: it was but a look, or there were errors, or other changes than those that were shown.
    Undone(ImportOutcome),
    Done(ImportOutcome),
}

/// Undoes a write, and says how far it came.
enum Rollback {
    Undo(ImportOutcome),
    Failed(DatabaseError),
}

impl From<DatabaseError> for Rollback {
    fn from(error: DatabaseError) -> Self {
        Self::Failed(error)
    }
}

type IsMarked = Box<dyn Fn(&str) -> bool + Send>;

/// Runs a file; for good only where its digest is the one that was marked.
async fn run(
    user: &CurrentUser,
    db: &Db,
    model: &'static Resource,
    bytes: Vec<u8>,
    is_marked: Option<IsMarked>,
) -> Result<ImportRun, PageError> {
    let (actor, rights) = (user.user.clone(), user.rights.clone());
    db.run_long(move |conn| {
        let table = match CsvTable::read(model, &bytes) {
            Ok(table) => table,
            Err(errors) => return Ok(ImportRun::Unreadable(errors)),
        };
        let importer = Importer {
            actor: &actor,
            rights: &rights,
            model,
            records: is_marked.is_some(),
        };
        let run = conn.write(|conn| {
            raise_statement_timeout(conn)?;
            let outcome = importer.run(conn, &table)?;
            match &is_marked {
                Some(is_marked) if outcome.errors.is_empty() && is_marked(&outcome.digest) => {
                    Ok(outcome)
                }
                _ => Err(Rollback::Undo(outcome)),
            }
        });
        match run {
            Ok(outcome) => Ok(ImportRun::Done(outcome)),
            Err(Rollback::Undo(outcome)) => Ok(ImportRun::Undone(outcome)),
            Err(Rollback::Failed(error)) => Err(error.into()),
        }
    })
    .await
}

fn allowed(
    user: &CurrentUser,
    path: &Path<(String, String)>,
) -> Result<&'static Resource, PageError> {
    let model = registry::find(&path.0, &path.1).ok_or(PageError::NotFound)?;
    if registry::may_import(&user.rights, model) {
        Ok(model)
    } else {
        Err(PageError::Forbidden)
    }
}
