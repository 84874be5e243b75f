//! Taking in a file of rows: it is looked at first, and what it would do is shown; then all of it is done, or nothing.
//!
//! Nothing is kept on our side between the two steps: the page carries the file, with a mark that counts only for that
//! user, that file, and the very changes that were shown.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use diesel::result::Error as DatabaseError;
use oc_core::admin::Model;
use oc_core::scratch;
use oc_core::waiting::allow_long;
use subtle::ConstantTimeEq;

use crate::admin::auth::current_user::SignedIn;
use crate::admin::auth::denied::RefusedGrant;
use crate::admin::auth::reauth::{Posted, Prover, given_up};
use crate::admin::import::upload::{File, LARGEST, Upload};
use crate::admin::import::{
    ImportPage, Importer, Mistake, Outcome, Sheet, counted, mark, pack, unpack,
};
use crate::admin::registry::{self, list_path};
use crate::admin::ui::field::Hidden;
use crate::admin::ui::form_data::Fields;
use crate::admin::ui::messages;
use crate::admin::ui::request::{Visit, see_other};
use crate::blocking;
use crate::db::Db;
use crate::error::PageError;

/// The file, as the page carries it.
const CONTENT: &str = "content";
/// What shows that it was looked at.
const MARK: &str = "mark";

/// The page that asks for a file.
pub(crate) async fn new(
    visit: Visit,
    user: SignedIn,
    path: Path<(String, String)>,
) -> Result<HttpResponse, PageError> {
    let model = allowed(&user, &path)?;
    ImportPage::default().show(&visit, &user, model, StatusCode::OK)
}

/// Takes a file and shows what it would do, or does what was shown.
pub(crate) async fn create(
    visit: Visit,
    user: SignedIn,
    db: Data<Db>,
    path: Path<(String, String)>,
    prover: Prover,
    upload: Upload,
) -> Result<HttpResponse, PageError> {
    visit.check_form(Some(&user), &upload.fields)?;
    let model = allowed(&user, &path)?;
    if let Some(form) = given_up(&visit, &user, &upload.fields)? {
        // Back to what the file would do.
        let bytes = unpacked(form.text(CONTENT).to_owned()).await?;
        return preview(&visit, &user, &db, model, bytes, None).await;
    }
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
        let page = ImportPage::refused(text);
        page.show(&visit, &user, model, StatusCode::UNPROCESSABLE_ENTITY)
    };
    match upload.file {
        File::None => refuse("Choose a file.".to_owned()),
        File::TooLarge => refuse(format!("The file must be {} MB or smaller.", LARGEST >> 20)),
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
        let page = ImportPage::with_mistakes(outcome.mistakes);
        let mut response = page.show(visit, user, model, StatusCode::UNPROCESSABLE_ENTITY)?;
        RefusedGrant::leave(&mut response, outcome.exceeds.iter().map(String::as_str));
        return Ok(response);
    }
    let mark = mark(visit.key(), user.user.id, model, &content, &outcome.digest);
    let hidden = [(CONTENT, content), (MARK, mark)].map(|(name, value)| Hidden {
        name: name.to_owned(),
        value,
    });
    let status = if notice.is_some() {
        StatusCode::CONFLICT
    } else {
        StatusCode::OK
    };
    ImportPage::of(model, outcome, hidden.into(), notice).show(visit, user, model, status)
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
    let bytes = unpacked(content.clone()).await?;
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
            let text =
                "These items have changed since you checked the file. Nothing has been saved yet.";
            preview(visit, user, db, model, bytes, Some(text.to_owned())).await
        }
    }
}

/// The file that a page carried.
async fn unpacked(content: String) -> Result<Vec<u8>, PageError> {
    let bytes = blocking::run(move || unpack(&content))
        .await
        .map_err(|error| PageError::Internal(error.into()))?;
    bytes.ok_or(PageError::BadRequest)
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
    db.run_long(move |conn| {
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
        // For a look nobody has to wait.
        let mut copy = match is_marked {
            Some(_) => None,
            None => scratch::copy(conn),
        };
        let conn = copy.as_mut().unwrap_or(conn);
        let run = conn.write(|conn| {
            allow_long(conn)?;
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
    let model = registry::find(&path.0, &path.1).ok_or(PageError::NotFound)?;
    if registry::may_import(&user.rights, model) {
        Ok(model)
    } else {
        Err(PageError::Forbidden)
    }
}
