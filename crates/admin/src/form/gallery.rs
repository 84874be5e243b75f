//! Handlers of the gallery: uploads, descriptions, order, deletion; and thumbnails.

use std::collections::BTreeMap;

use accounts::{User, Verb};
use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use actix_web::web::Path;
use audit::ChangeSet;
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::{FormValues, Gallery, Record, Resource, SaveError};
use oc_core::locks::lock;
use oc_http::PageError;

use crate::audit_log::log_entry::{LogEntry, log_changes};
use crate::audit_log::snapshot::Snapshot;
use crate::auth::staff_request::StaffRequest;
use crate::form::definition::FormDefinition;
use crate::form::page::FormDisplay;
use crate::form::save::save_object;
use crate::form::state::FormState;
use crate::gallery::state::{description_name, in_order, initial_name};
use crate::registry::Editor;
use crate::ui::links::{change_path, counted, see_other};
use crate::ui::submission::{Submission, SubmittedFile};

/// The most messages about files after an upload.
const MAX_MESSAGES: usize = 8;

/// What the buttons of a gallery do with one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Describe,
    MoveUp(i64),
    MoveDown(i64),
    MakeCover(i64),
    Delete(i64),
}

impl Command {
    /// The command of a submission: the button that was pressed.
    fn parse(submission: &Submission) -> Option<Self> {
        let buttons = ["_up", "_down", "_cover", "_delete"];
        let Some(name) = buttons.into_iter().find(|name| submission.has(name)) else {
            return Some(Self::Describe);
        };
        let id = submission.text(name).parse().ok()?;
        Some(match name {
            "_up" => Self::MoveUp(id),
            "_down" => Self::MoveDown(id),
            "_cover" => Self::MakeCover(id),
            _ => Self::Delete(id),
        })
    }
}

/// The images and the row that they belong to.
#[derive(Clone, Copy)]
struct Target {
    owner: &'static Resource,
    gallery: Gallery,
    id: i64,
}

/// Redirects the address of a gallery to the form that it is part of.
pub(crate) async fn redirect_to_form(
    staff: StaffRequest,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, PageError> {
    let owner = staff.registry().find(&path.0, &path.1);
    let owner = owner.ok_or(PageError::NotFound)?;
    match path.2.parse() {
        Ok(id) => Ok(see_other(&gallery_path(owner, id))),
        Err(_) => Ok(staff.unknown_object(owner, &path.2)),
    }
}

/// Adds, describes, moves or deletes images.
pub(crate) async fn change(
    staff: StaffRequest,
    path: Path<(String, String, String)>,
    submission: Submission,
) -> Result<HttpResponse, PageError> {
    let submission = staff.accept(submission)?;
    let (registry, permissions) = (staff.registry(), &staff.user.permissions);
    let owner = registry.visible(permissions, (&path.0, &path.1))?;
    let gallery = owner.gallery.ok_or(PageError::NotFound)?;
    let Ok(id) = path.2.parse::<i64>() else {
        return Ok(staff.unknown_object(owner, &path.2));
    };
    let target = Target { owner, gallery, id };
    let resource = gallery.resource;
    if submission.has("_upload") || !submission.files().is_empty() {
        staff.find_allowed(resource.app, resource.name, Verb::Add)?;
        return upload(&staff, target, submission).await;
    }
    let command = Command::parse(&submission).ok_or(PageError::BadRequest)?;
    let verb = match command {
        Command::Delete(_) => Verb::Delete,
        _ => Verb::Change,
    };
    staff.find_allowed(resource.app, resource.name, verb)?;
    run(&staff, target, command, submission).await
}

/// A thumbnail for staff, also of an image that isn't public.
pub(crate) async fn thumbnail(
    staff: StaffRequest,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, PageError> {
    let resource = staff
        .registry()
        .visible(&staff.user.permissions, (&path.0, &path.1))?;
    let images = resource.images.ok_or(PageError::NotFound)?;
    let value = path.into_inner().2;
    let bytes = staff
        .db
        .read(move |conn| Ok((images.thumbnail)(conn, &value)?))
        .await?;
    // The value identifies the content.
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "image/webp"))
        .insert_header((
            header::CACHE_CONTROL,
            "private, max-age=31536000, immutable",
        ))
        .body(bytes))
}

fn gallery_path(owner: &Resource, id: i64) -> String {
    format!("{}#gallery", change_path(owner, id))
}

/// Adds the files of a submission, each in a transaction of its own: a file with an error keeps no other from being added.
async fn upload(
    staff: &StaffRequest,
    target: Target,
    submission: Submission,
) -> Result<HttpResponse, PageError> {
    let Target { owner, gallery, id } = target;
    let resource = gallery.resource;
    let images = resource.images.ok_or(PageError::NotFound)?;
    if staff
        .db
        .read(move |conn| Ok((owner.load)(conn, id)?))
        .await?
        .is_none()
    {
        return Ok(staff.unknown_object(owner, id));
    }
    let (mut added, mut errors, mut advice) = (0, Vec::new(), Vec::new());
    for SubmittedFile { name, bytes, .. } in submission.files() {
        let image = match staff.image_queue().convert(images, bytes.clone()).await {
            Ok(image) => image,
            Err(error) => {
                errors.push(format!("{name} {error}"));
                continue;
            }
        };
        advice.extend(image.advice().map(|advice| format!("{name} {advice}")));
        let (registry, actor) = (staff.registry(), staff.actor());
        let permissions = staff.user.permissions.clone();
        let saved = staff.db.run(move |conn| {
            let saved = conn.write(|conn| {
                lock(conn, &owner.key(), id)?;
                let value = image.store(conn)?;
                let values = FormValues::default()
                    .with(gallery.owner, id.to_string())
                    .with(images.field, value);
                let editor = Editor {
                    registry,
                    user: &actor,
                    permissions: &permissions,
                };
                save_object(conn, editor, resource, None, &values)
            });
            match saved {
                Ok(_) => Ok(None),
                Err(SaveError::Database(error)) => Err(error.into()),
                Err(error) => Ok(Some(error.to_string())),
            }
        });
        match saved.await? {
            None => added += 1,
            Some(error) => errors.push(format!("{name}: {error}")),
        }
    }
    if added > 0 {
        let actor = staff.actor();
        let action = format!("{} added", counted(resource, added));
        staff
            .write(move |conn| log_on_owner(conn, &actor, target, &action))
            .await?;
        let text = format!(
            "Added {}. Describe what they show.",
            counted(resource, added)
        );
        let text = if added == 1 {
            text.replace("they show", "it shows")
        } else {
            text
        };
        staff.session.add_message("success", text);
    } else if errors.is_empty() {
        errors.push("Choose at least one file.".to_owned());
    }
    add_messages(staff, "error", errors);
    add_messages(staff, "warning", advice);
    Ok(see_other(&gallery_path(owner, id)))
}

fn add_messages(staff: &StaffRequest, level: &str, texts: Vec<String>) {
    let more = texts.len().saturating_sub(MAX_MESSAGES);
    for text in texts.into_iter().take(MAX_MESSAGES) {
        staff.session.add_message(level, text);
    }
    if more > 0 {
        staff
            .session
            .add_message(level, format!("And {more} more files."));
    }
}

/// What a command led to.
enum Outcome {
    Done(String),
    /// Errors of descriptions, by image.
    Invalid(BTreeMap<i64, String>),
    UnknownImage(i64),
    UnknownOwner,
}

/// Stores the descriptions of a submission, if the user may, and runs its command, in one transaction.
async fn run(
    staff: &StaffRequest,
    target: Target,
    command: Command,
    submission: Submission,
) -> Result<HttpResponse, PageError> {
    let Target { owner, gallery, id } = target;
    let (registry, actor) = (staff.registry(), staff.actor());
    let permissions = staff.user.permissions.clone();
    let sent = submission.clone();
    let outcome = staff
        .db
        .run(move |conn| {
            let mut outcome = None;
            let committed = conn.write(|conn| {
                let editor = Editor {
                    registry,
                    user: &actor,
                    permissions: &permissions,
                };
                let result = Run { editor, target }.run(conn, command, &sent)?;
                let is_invalid = matches!(result, Outcome::Invalid(_));
                outcome = Some(result);
                // Nothing is stored if a description is invalid.
                if is_invalid {
                    Err(SaveError::Missing)
                } else {
                    Ok(())
                }
            });
            match (committed, outcome) {
                (_, Some(outcome)) => Ok(outcome),
                (Err(SaveError::Database(error)), None) => Err(error.into()),
                (Err(error), None) => Err(PageError::Internal(error.into())),
                (Ok(()), None) => Ok(Outcome::UnknownOwner),
            }
        })
        .await?;
    match outcome {
        Outcome::Done(text) => Ok(staff.succeed(text, &gallery_path(owner, id))),
        Outcome::UnknownOwner => Ok(staff.unknown_object(owner, id)),
        Outcome::UnknownImage(image) => {
            let text = format!(
                "There is no {} with ID \"{image}\".",
                gallery.resource.singular
            );
            staff.session.add_message("warning", text);
            Ok(see_other(&gallery_path(owner, id)))
        }
        Outcome::Invalid(errors) => redisplay(staff, target, submission, errors).await,
    }
}

/// Shows the page again, with errors of descriptions.
async fn redisplay(
    staff: &StaffRequest,
    target: Target,
    submission: Submission,
    errors: BTreeMap<i64, String>,
) -> Result<HttpResponse, PageError> {
    let Target { owner, id, .. } = target;
    let permissions = &staff.user.permissions;
    let definition = FormDefinition::new(staff.registry(), owner, permissions, false);
    let read_only = !permissions.may(Verb::Change, owner.app, owner.name);
    let display = staff.db.read(move |conn| {
        let Some(record) = (owner.load)(conn, id)? else {
            return Ok(None);
        };
        let mut state = if read_only {
            FormState::read_only(conn, definition, record)?
        } else {
            FormState::stored(conn, definition, record, &Submission::default())?
        };
        state.gallery = state
            .gallery
            .map(|gallery| gallery.with_errors(submission, errors));
        Ok(Some(FormDisplay::new(state, Submission::default())))
    });
    match display.await? {
        Some(display) => display.show(staff, StatusCode::UNPROCESSABLE_ENTITY),
        None => Ok(staff.unknown_object(owner, id)),
    }
}

/// Runs commands in a transaction.
struct Run<'a> {
    editor: Editor<'a>,
    target: Target,
}

impl Run<'_> {
    fn run(
        &self,
        conn: &mut DbConnection,
        command: Command,
        submission: &Submission,
    ) -> Result<Outcome, SaveError> {
        let Target { owner, gallery, id } = self.target;
        let resource = gallery.resource;
        // Images before their row, as everywhere.
        for image in (gallery.ids)(conn, id)? {
            lock(conn, &resource.key(), image)?;
        }
        lock(conn, &owner.key(), id)?;
        if (owner.load)(conn, id)?.is_none() {
            return Ok(Outcome::UnknownOwner);
        }
        let images = in_order(conn, gallery, id)?;
        let (described, errors) = self.describe(conn, &images, submission)?;
        if !errors.is_empty() {
            return Ok(Outcome::Invalid(errors));
        }
        if described > 0 {
            let action = format!("{} described", counted(resource, described));
            log_on_owner(conn, self.editor.user, self.target, &action)?;
        }
        let (Command::MoveUp(image)
        | Command::MoveDown(image)
        | Command::MakeCover(image)
        | Command::Delete(image)) = command
        else {
            return Ok(Outcome::Done(match described {
                0 => "Nothing changed.".to_owned(),
                1 => "Saved the description.".to_owned(),
                count => format!("Saved {count} descriptions."),
            }));
        };
        // Loaded again: its description may have changed.
        let Some(image) = in_order(conn, gallery, id)?
            .into_iter()
            .find(|i| i.id == image)
        else {
            return Ok(Outcome::UnknownImage(image));
        };
        let count = images.len();
        let position: usize = image.values.text(gallery.position).parse().unwrap_or(1);
        let (to, verb) = match command {
            Command::MoveUp(_) => (position.saturating_sub(1).max(1), "moved"),
            Command::MoveDown(_) => ((position + 1).min(count), "moved"),
            Command::MakeCover(_) => (1, "moved"),
            Command::Delete(_) | Command::Describe => (position, "deleted"),
        };
        let title = &image.title;
        let text = if verb == "deleted" {
            self.delete(conn, &image)?;
            format!(
                "Deleted {} \"{title}\". It can be restored for 30 days.",
                resource.singular
            )
        } else {
            let values = image.values.clone().with(gallery.position, to.to_string());
            if to != position {
                save_object(conn, self.editor, resource, Some(&image), &values)?;
            }
            format!(
                "Moved {} \"{title}\" to position {to} of {count}.",
                resource.singular
            )
        };
        let action = format!("{} {verb}", resource.singular);
        log_on_owner(conn, self.editor.user, self.target, &action)?;
        Ok(Outcome::Done(text))
    }

    /// Stores the descriptions that differ from those that the page was opened with. Returns how many, and errors by image.
    fn describe(
        &self,
        conn: &mut DbConnection,
        images: &[Record],
        submission: &Submission,
    ) -> Result<(usize, BTreeMap<i64, String>), SaveError> {
        let Gallery {
            resource,
            description,
            ..
        } = self.target.gallery;
        let may_change = self
            .editor
            .permissions
            .may(Verb::Change, resource.app, resource.name);
        let (mut count, mut errors) = (0, BTreeMap::new());
        for image in images.iter().filter(|_| may_change) {
            let (name, initial) = (description_name(image.id), initial_name(image.id));
            let stored = image.values.text(description);
            let typed = submission.text(&name).trim();
            let is_touched = submission.has(&name)
                && typed != stored
                && !(submission.has(&initial) && typed == submission.text(&initial));
            if !is_touched {
                continue;
            }
            if submission.has(&initial) && submission.text(&initial) != stored {
                let text = format!(
                    "Someone else changed this description to “{stored}”. Save again to replace it."
                );
                errors.insert(image.id, text);
                continue;
            }
            let values = image.values.clone().with(description, typed);
            match save_object(conn, self.editor, resource, Some(image), &values) {
                Ok(_) => count += 1,
                Err(SaveError::Invalid(invalid)) => {
                    let texts: Vec<String> = invalid.iter().map(ToString::to_string).collect();
                    errors.insert(image.id, texts.join(" "));
                }
                Err(error) => return Err(error),
            }
        }
        Ok((count, errors))
    }

    fn delete(&self, conn: &mut DbConnection, image: &Record) -> QueryResult<()> {
        let resource = self.target.gallery.resource;
        let entry = LogEntry {
            record: image,
            action: "deleted",
            before: Some(Snapshot::new(conn, self.editor.registry, resource, image)?),
            after: None,
            parent_id: None,
        };
        let change_set = &mut ChangeSet::none();
        log_changes(conn, self.editor.user, resource, change_set, &[entry])?;
        (resource.delete)(conn, &[image.id])
    }
}

/// Adds a line on images to the history of the row that they belong to.
fn log_on_owner(
    conn: &mut DbConnection,
    user: &User,
    target: Target,
    action: &str,
) -> QueryResult<()> {
    let Some(record) = (target.owner.load)(conn, target.id)? else {
        return Ok(());
    };
    let entry = LogEntry {
        record: &record,
        action,
        before: None,
        after: None,
        parent_id: None,
    };
    log_changes(conn, user, target.owner, &mut ChangeSet::none(), &[entry]).map(drop)
}
