//! Taking in a file of rows: it is looked at first, and what it would do is shown; then all of it is done, or nothing.
//!
//! Nothing is kept on our side between the two steps: the page carries the file, with a mark that counts only for that
//! user, that file, and the very changes that were shown.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use diesel::result::Error as DatabaseError;
use oc_core::admin::Model;
use serde::Serialize;
use subtle::ConstantTimeEq;

use crate::admin::field::Hidden;
use crate::admin::form::Fields;
use crate::admin::frame::{Crumb, Visit, see_other};
use crate::admin::fresh::{Posted, Prover};
use crate::admin::import::{self, Importer, Mistake, Outcome, Sheet, Shown, mark, pack, unpack};
use crate::admin::messages;
use crate::admin::models::{self, capitalized, list_path};
use crate::admin::signed_in::SignedIn;
use crate::admin::upload::{File, LARGEST, Upload};
use crate::blocking;
use crate::db::Db;
use crate::error::PageError;
use crate::pages::Page;

/// The file, as the page carries it.
const CONTENT: &str = "content";
/// What shows that it was looked at.
const MARK: &str = "mark";

/// Mistakes that are told at a time.
const MOST_MISTAKES: usize = 200;

#[derive(Serialize, Default)]
struct ImportPage {
    heading: String,
    columns: String,
    left_out: &'static str,
    limits: String,
    export_href: String,
    back_href: String,
    notice: Option<String>,
    file_error: Option<String>,
    mistakes_title: Option<String>,
    mistakes: Vec<MistakeView>,
    more_mistakes: Option<String>,
    summary: Option<String>,
    changes: Vec<Shown>,
    more_changes: Option<String>,
    confirm: Option<String>,
    hidden: Vec<Hidden>,
}

impl Page for ImportPage {
    const TEMPLATE: &'static str = "admin/import.html";
}

#[derive(Serialize)]
struct MistakeView {
    row: String,
    column: String,
    text: String,
}

/// The page that asks for a file.
pub(in crate::admin) async fn new(
    visit: Visit,
    user: SignedIn,
    path: Path<(String, String)>,
) -> Result<HttpResponse, PageError> {
    let model = allowed(&user, &path)?;
    show(&visit, &user, model, StatusCode::OK, ImportPage::default())
}

/// Takes a file and shows what it would do, or does what was shown.
pub(in crate::admin) async fn create(
    visit: Visit,
    user: SignedIn,
    db: Data<Db>,
    path: Path<(String, String)>,
    prover: Prover,
    upload: Upload,
) -> Result<HttpResponse, PageError> {
    visit.check_form(Some(&user), &upload.fields)?;
    let model = allowed(&user, &path)?;
    let posted = Posted::of(&visit, &user, upload.fields)?;
    if posted.form.has(CONTENT) {
        // Accounts and groups hold rights.
        if model.app == "auth"
            && let Some(page) = prover.ask(&visit, &user, &posted).await?
        {
            return Ok(page);
        }
        return confirm(&visit, &user, &db, model, &posted.form).await;
    }
    let refuse = |text: String| {
        let page = ImportPage {
            file_error: Some(text),
            ..ImportPage::default()
        };
        show(&visit, &user, model, StatusCode::UNPROCESSABLE_ENTITY, page)
    };
    match upload.file {
        File::None => refuse("File is required.".to_owned()),
        File::TooLarge => refuse(format!("File must be at most {} MB.", LARGEST >> 20)),
        File::Bytes(bytes) => preview(&visit, &user, &db, model, bytes, None).await,
    }
}

/// Shows what a file would do.
async fn preview(
    visit: &Visit,
    user: &SignedIn,
    db: &Db,
    model: &'static Model,
    bytes: Vec<u8>,
    notice: Option<String>,
) -> Result<HttpResponse, PageError> {
    let (content, bytes) = blocking::run(move || (pack(&bytes), bytes))
        .await
        .map_err(|error| PageError::Internal(error.into()))?;
    let content = content?;
    let outcome = match run(user, db, model, bytes, None).await? {
        Ended::Unreadable(mistakes) => Outcome {
            mistakes,
            ..Outcome::default()
        },
        Ended::Undone(outcome) | Ended::Done(outcome) => outcome,
    };
    if !outcome.mistakes.is_empty() {
        let page = with_mistakes(outcome.mistakes);
        return show(visit, user, model, StatusCode::UNPROCESSABLE_ENTITY, page);
    }
    let count = outcome.added + outcome.changed;
    let shown = outcome.shown.len();
    let mark = mark(visit.key(), user.user.id, model, &content, &outcome.digest);
    let page = ImportPage {
        summary: Some(if count == 0 {
            "Nothing to change.".to_owned()
        } else {
            format!(
                "{} to add, {} to change, {} as they are.",
                counted(model, outcome.added),
                outcome.changed,
                outcome.unchanged
            )
        }),
        changes: outcome.shown,
        more_changes: (count > shown).then(|| format!("{} more rows change.", count - shown)),
        confirm: (count > 0).then(|| format!("Yes, import {}", counted(model, count))),
        hidden: [(CONTENT, content), (MARK, mark)]
            .map(|(name, value)| Hidden {
                name: name.to_owned(),
                value,
            })
            .into(),
        ..ImportPage::default()
    };
    let status = if notice.is_some() {
        StatusCode::CONFLICT
    } else {
        StatusCode::OK
    };
    show(visit, user, model, status, ImportPage { notice, ..page })
}

/// Does what was shown, if it still is what would be done.
async fn confirm(
    visit: &Visit,
    user: &SignedIn,
    db: &Db,
    model: &'static Model,
    sent: &Fields,
) -> Result<HttpResponse, PageError> {
    let (content, marked) = (sent.text(CONTENT).to_owned(), sent.text(MARK).to_owned());
    let (bytes, content) = blocking::run(move || (unpack(&content), content))
        .await
        .map_err(|error| PageError::Internal(error.into()))?;
    let bytes = bytes.ok_or(PageError::BadRequest)?;
    // A mark for each file that could have been shown cannot be had: the digest is known only once it is run.
    let (key, user_id) = (visit.key().clone(), user.user.id);
    let is_marked = move |digest: &str| -> bool {
        mark(&key, user_id, model, &content, digest)
            .as_bytes()
            .ct_eq(marked.as_bytes())
            .into()
    };
    match run(user, db, model, bytes.clone(), Some(Box::new(is_marked))).await? {
        Ended::Done(outcome) => {
            let parts = [("Added", outcome.added), ("Changed", outcome.changed)];
            let done = parts.iter().filter(|(_, count)| *count > 0);
            let text: Vec<String> = done
                .map(|(verb, count)| format!("{verb} {}.", counted(model, *count)))
                .collect();
            messages::add(&visit.session, "success", text.join(" "));
            Ok(see_other(&list_path(model)))
        }
        Ended::Undone(_) | Ended::Unreadable(_) => {
            let text = "These rows were changed while you were looking. Nothing was saved yet.";
            preview(visit, user, db, model, bytes, Some(text.to_owned())).await
        }
    }
}

/// How the run of a file ended.
enum Ended {
    Unreadable(Vec<Mistake>),
    /// All was undone: it was but a look, or there were mistakes, or other changes than those that were shown.
    Undone(Outcome),
    Done(Outcome),
}

/// Undoes a write, and says how far it came.
enum Stop {
    Undo(Outcome),
    Failed(DatabaseError),
}

impl From<DatabaseError> for Stop {
    fn from(error: DatabaseError) -> Self {
        Self::Failed(error)
    }
}

type IsMarked = Box<dyn Fn(&str) -> bool + Send>;

/// Runs a file; for good only where its digest is the one that was marked.
async fn run(
    user: &SignedIn,
    db: &Db,
    model: &'static Model,
    bytes: Vec<u8>,
    is_marked: Option<IsMarked>,
) -> Result<Ended, PageError> {
    let (actor, rights) = (user.user.clone(), user.rights.clone());
    db.run(move |conn| {
        let sheet = match Sheet::read(model, &bytes) {
            Ok(sheet) => sheet,
            Err(mistakes) => return Ok(Ended::Unreadable(mistakes)),
        };
        let importer = Importer {
            actor: &actor,
            rights: &rights,
            model,
            records: is_marked.is_some(),
        };
        let run = conn.write(|conn| {
            let outcome = importer.run(conn, &sheet)?;
            match &is_marked {
                Some(is_marked) if outcome.mistakes.is_empty() && is_marked(&outcome.digest) => {
                    Ok(outcome)
                }
                _ => Err(Stop::Undo(outcome)),
            }
        });
        match run {
            Ok(outcome) => Ok(Ended::Done(outcome)),
            Err(Stop::Undo(outcome)) => Ok(Ended::Undone(outcome)),
            Err(Stop::Failed(error)) => Err(error.into()),
        }
    })
    .await
}

fn allowed(user: &SignedIn, path: &Path<(String, String)>) -> Result<&'static Model, PageError> {
    let model = models::find(&path.0, &path.1).ok_or(PageError::NotFound)?;
    if models::may_import(&user.rights, model) {
        Ok(model)
    } else {
        Err(PageError::Forbidden)
    }
}

fn with_mistakes(mut mistakes: Vec<Mistake>) -> ImportPage {
    mistakes.sort_by_key(|mistake| mistake.row);
    let count = mistakes.len();
    let view = |mistake: Mistake| MistakeView {
        row: mistake.row.map_or_else(String::new, |row| row.to_string()),
        column: mistake.column,
        text: mistake.text,
    };
    ImportPage {
        mistakes_title: Some(match count {
            1 => "1 error to correct".to_owned(),
            count => format!("{count} errors to correct"),
        }),
        mistakes: mistakes.into_iter().take(MOST_MISTAKES).map(view).collect(),
        more_mistakes: (count > MOST_MISTAKES)
            .then(|| format!("{} more errors.", count - MOST_MISTAKES)),
        ..ImportPage::default()
    }
}

fn show(
    visit: &Visit,
    user: &SignedIn,
    model: &'static Model,
    status: StatusCode,
    page: ImportPage,
) -> Result<HttpResponse, PageError> {
    let heading = format!("Import {}", model.plural);
    let list = list_path(model);
    let page = ImportPage {
        heading: heading.clone(),
        columns: import::names(model).join(", "),
        left_out: model.left_out,
        limits: format!("{} rows and {} MB", import::MOST, LARGEST >> 20),
        export_href: format!("{list}export/"),
        back_href: list.clone(),
        ..page
    };
    let plural = capitalized(model.plural);
    let crumbs = Crumb::way(&[(plural.as_str(), list.as_str())], "Import");
    visit.page(status, Some(user), &heading, crumbs, page)
}

fn counted(model: &Model, count: usize) -> String {
    let word = if count == 1 {
        model.singular
    } else {
        model.plural
    };
    format!("{count} {word}")
}
