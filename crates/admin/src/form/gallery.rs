//! Handlers of the gallery: uploads, descriptions, order, deletion; and thumbnails.

use std::collections::BTreeMap;
use std::num::ParseIntError;

use accounts::Verb;
use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use audit::ChangeSet;
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::{FormValues, Gallery, Images, Record, Resource, SaveError};
use oc_core::locks::lock;
use oc_core::validation::{FieldError, Violation};
use oc_http::{PageError, PageResult};

use crate::audit_log::log_entry::{LogEntry, log_changes, log_versions};
use crate::auth::request::Rollback;
use crate::auth::staff_request::StaffRequest;
use crate::editor::Editor;
use crate::form::definition::FormDefinition;
use crate::form::page::with_notice;
use crate::form::state::{FormFeedback, FormState};
use crate::gallery::{description_name, in_order, initial_name};
use crate::ui::links::{change_path, counted, see_other};
use crate::ui::submission::Submission;

/// The most messages of a kind after an upload: each takes place in the session.
const MAX_MESSAGES: usize = 8;

#[derive(Clone, Copy)]
enum GalleryButton {
    MoveUp,
    MoveDown,
    MakeCover,
    Delete,
}

const BUTTONS: [(&str, GalleryButton); 4] = [
    ("_up", GalleryButton::MoveUp),
    ("_down", GalleryButton::MoveDown),
    ("_cover", GalleryButton::MakeCover),
    ("_delete", GalleryButton::Delete),
];

/// The pressed button, and the id of its image. Without one, descriptions are saved.
type GalleryCommand = Option<(GalleryButton, i64)>;

fn parse_command(submission: &Submission) -> Result<GalleryCommand, PageError> {
    let pressed = BUTTONS.iter().find(|(name, _)| submission.has(name));
    let command = pressed.map(|(name, button)| Ok((*button, submission.text(name).parse()?)));
    command
        .transpose()
        .map_err(|_: ParseIntError| PageError::BadRequest)
}

/// The images of a row, and the user who changes them.
#[derive(Clone)]
struct GalleryEdit {
    editor: Editor,
    owner: &'static Resource,
    gallery: Gallery,
    id: i64,
}

pub(crate) async fn redirect_to_form(staff: StaffRequest) -> PageResult {
    Ok(see_other(&gallery_path(staff.resource()?, staff.id()?)))
}

pub(crate) async fn change(staff: StaffRequest, submission: Submission) -> PageResult {
    let submission = staff.accept(submission)?;
    let owner = staff.viewable_resource()?;
    let gallery = owner.gallery.ok_or(PageError::NotFound)?;
    let edit = GalleryEdit {
        editor: staff.editor(),
        owner,
        gallery,
        id: staff.id()?,
    };
    if submission.has("_upload") || !submission.files().is_empty() {
        staff.require(Verb::Add, gallery.resource)?;
        return upload(&staff, edit, submission).await;
    }
    let command = parse_command(&submission)?;
    let verb = match command {
        Some((GalleryButton::Delete, _)) => Verb::Delete,
        _ => Verb::Change,
    };
    staff.require(verb, gallery.resource)?;
    let (ran, sent) = (edit.clone(), submission.clone());
    let outcome = staff.try_write(move |conn| ran.run(conn, command, &sent));
    match outcome.await {
        Ok(Ok((level, text))) => {
            staff.session.add_message(level, text);
            Ok(see_other(&gallery_path(owner, edit.id)))
        }
        Ok(Err(errors)) => redisplay(&staff, edit, submission, errors, None).await,
        Err(error) => {
            let errors = DescriptionErrors::new();
            let page =
                async |notice| redisplay(&staff, edit, submission, errors, Some(notice)).await;
            with_notice(error, page).await
        }
    }
}

/// A thumbnail for staff, or with `?full` the image itself, also of an image that isn't public.
pub(crate) async fn thumbnail(staff: StaffRequest) -> PageResult {
    let images = staff
        .viewable_resource()?
        .images
        .ok_or(PageError::NotFound)?;
    let value = staff.http.match_info().query("value").to_owned();
    let read = match staff.http.query_string() {
        "full" => images.full,
        _ => images.thumbnail,
    };
    let bytes = staff.read(move |conn| read(conn, &value));
    // The value identifies the content.
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "image/webp"))
        .insert_header((
            header::CACHE_CONTROL,
            "private, max-age=31536000, immutable",
        ))
        .body(bytes.await?))
}

/// Stores the uploaded image of a form, if there is one, and returns the value of its field. An image stays stored if the
/// form has errors.
pub(crate) async fn store_upload(
    staff: &StaffRequest,
    images: Images,
    submission: &Submission,
) -> Result<Result<String, FieldError>, PageError> {
    let Some(file) = submission.file(images.field) else {
        return Ok(Ok(submission.text(images.field).to_owned()));
    };
    match staff.state.image_queue.convert(images, file).await {
        Ok(image) => Ok(Ok(staff.write(move |conn| image.store(conn)).await?)),
        Err(error) => Ok(Err(FieldError::new(images.field, Violation::File(error)))),
    }
}

fn gallery_path(owner: &Resource, id: i64) -> String {
    format!("{}#gallery", change_path(owner, id))
}

/// Adds the files of a submission, each in a transaction of its own: a file with an error keeps no other from being added.
async fn upload(staff: &StaffRequest, edit: GalleryEdit, submission: Submission) -> PageResult {
    let (owner, gallery, id) = (edit.owner, edit.gallery, edit.id);
    let resource = gallery.resource;
    let images = resource.images.ok_or(PageError::NotFound)?;
    let owner_record = staff.read(move |conn| owner.find(conn, id));
    owner_record.await?;
    let (mut added, mut errors, mut advice) = (0, Vec::new(), Vec::new());
    for file in submission.files() {
        let name = &file.name;
        let image = match staff.state.image_queue.convert(images, file).await {
            Ok(image) => image,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        advice.extend(image.advice().map(|advice| format!("{name} {advice}")));
        let editor = staff.editor();
        let saved = staff.try_write(move |conn| {
            lock(conn, &owner.key(), id)?;
            let value = image.store(conn)?;
            let values = FormValues::default()
                .with(gallery.owner, id.to_string())
                .with(images.field, value);
            let saved = editor.save_object(conn, resource, None, &values, &mut ChangeSet::none());
            saved.map_err(Rollback::from_save_error)
        });
        match saved.await? {
            Ok(_) => added += 1,
            Err(invalid) => errors.push(format!("{name}: {}", SaveError::Invalid(invalid))),
        }
    }
    if added > 0 {
        let images = counted(resource, added);
        let action = format!("{images} added");
        staff
            .write(move |conn| edit.log_on_owner(conn, &action))
            .await?;
        let shown = if added == 1 { "it shows" } else { "they show" };
        let text = format!("Added {images}. Describe what {shown}.");
        staff.session.add_message("success", text);
    } else if errors.is_empty() {
        errors.push("Choose at least one file.".to_owned());
    }
    for (level, mut texts) in [("error", errors), ("warning", advice)] {
        let more = texts.len().saturating_sub(MAX_MESSAGES);
        texts.truncate(MAX_MESSAGES);
        if more > 0 {
            texts.push(format!("And {more} more files."));
        }
        for text in texts {
            staff.session.add_message(level, text);
        }
    }
    Ok(see_other(&gallery_path(owner, id)))
}

/// Errors of descriptions, by image.
type DescriptionErrors = BTreeMap<i64, String>;

async fn redisplay(
    staff: &StaffRequest,
    edit: GalleryEdit,
    submission: Submission,
    errors: DescriptionErrors,
    notice: Option<&'static str>,
) -> PageResult {
    let definition = FormDefinition::new(edit.editor, edit.owner, Some(edit.id));
    let state = staff.read(move |conn| {
        let mut state = FormState::from_query(conn, definition, &Submission::default())?;
        if let Some(gallery) = &mut state.gallery {
            gallery.add_errors(&submission, &errors);
        }
        state.feedback = notice.map_or(FormFeedback::None, FormFeedback::Notice);
        Ok(state)
    });
    state.await?.show(staff, StatusCode::UNPROCESSABLE_ENTITY)
}

impl GalleryEdit {
    /// Stores the descriptions of a submission, if the user may, and runs its command. Requires a transaction. Returns the
    /// level and text of a message.
    fn run(
        &self,
        conn: &mut DbConnection,
        command: GalleryCommand,
        submission: &Submission,
    ) -> Result<(&'static str, String), Rollback<DescriptionErrors>> {
        let (owner, gallery, id) = (self.owner, self.gallery, self.id);
        let resource = gallery.resource;
        // Images before their row, as everywhere.
        for image in (gallery.ids)(conn, id)? {
            lock(conn, &resource.key(), image)?;
        }
        lock(conn, &owner.key(), id)?;
        owner.find(conn, id)?;
        let mut images = in_order(conn, gallery, id)?;
        let (described, errors) = self.describe(conn, &mut images, submission)?;
        if !errors.is_empty() {
            return Err(Rollback::Rejected(errors));
        }
        if described > 0 {
            let action = format!("{} described", counted(resource, described));
            self.log_on_owner(conn, &action)?;
        }
        let Some((button, image_id)) = command else {
            let text = match described {
                0 => "Nothing changed.".to_owned(),
                1 => "Saved the description.".to_owned(),
                count => format!("Saved {count} descriptions."),
            };
            return Ok(("success", text));
        };
        let (singular, count) = (resource.singular, images.len());
        let Some(image) = images.iter().find(|image| image.id == image_id) else {
            let text = format!("There is no {singular} with ID “{image_id}”.");
            return Ok(("warning", text));
        };
        let title = &image.title;
        let position: usize = image.values.text(gallery.position).parse().unwrap_or(1);
        let to = match button {
            GalleryButton::MoveUp => Some(position.saturating_sub(1).max(1)),
            GalleryButton::MoveDown => Some((position + 1).min(count)),
            GalleryButton::MakeCover => Some(1),
            GalleryButton::Delete => None,
        };
        let (editor, change_set) = (&self.editor, &mut ChangeSet::none());
        let (verb, text) = if let Some(to) = to {
            let values = image.values.clone().with(gallery.position, to.to_string());
            if to != position {
                editor.save_object(conn, resource, Some(image), &values, change_set)?;
            }
            let text = format!("Moved {singular} “{title}” to position {to} of {count}.");
            ("moved", text)
        } else {
            let deleted = [(Some(image), None, None)];
            log_versions(conn, editor, resource, change_set, "deleted", &deleted)?;
            (resource.delete)(conn, &[image.id])?;
            let text = format!("Deleted {singular} “{title}”. It can be restored for 30 days.");
            ("deleted", text)
        };
        self.log_on_owner(conn, &format!("{singular} {verb}"))?;
        Ok(("success", text))
    }

    /// Stores descriptions that differ from those that the page was opened with, and updates `images`. Returns how many, and
    /// errors by image.
    fn describe(
        &self,
        conn: &mut DbConnection,
        images: &mut [Record],
        submission: &Submission,
    ) -> Result<(usize, DescriptionErrors), SaveError> {
        let (resource, description) = (self.gallery.resource, self.gallery.description);
        let may_change = self.editor.may(Verb::Change, resource);
        let (mut count, mut errors) = (0, BTreeMap::new());
        for image in images.iter_mut().filter(|_| may_change) {
            let (name, initial) = (description_name(image.id), initial_name(image.id));
            let stored = image.values.text(description);
            let typed = submission.text(&name).trim();
            let initial = submission.has(&initial).then(|| submission.text(&initial));
            if !submission.has(&name) || typed == stored || initial == Some(typed) {
                continue;
            }
            if initial.is_some_and(|initial| initial != stored) {
                let text = format!(
                    "Someone else changed this description to “{stored}”. Save again to replace it."
                );
                errors.insert(image.id, text);
                continue;
            }
            let values = image.values.clone().with(description, typed);
            let (editor, change_set) = (&self.editor, &mut ChangeSet::none());
            match editor.save_object(conn, resource, Some(image), &values, change_set) {
                Ok(saved) => {
                    *image = saved;
                    count += 1;
                }
                Err(error @ SaveError::Invalid(_)) => {
                    errors.insert(image.id, error.to_string());
                }
                Err(error) => return Err(error),
            }
        }
        Ok((count, errors))
    }

    /// Adds a line on images to the history of the row that they belong to.
    fn log_on_owner(&self, conn: &mut DbConnection, action: &str) -> QueryResult<()> {
        let record = self.owner.find(conn, self.id)?;
        let entry = LogEntry {
            record: &record,
            action,
            before: None,
            after: None,
            parent_id: None,
        };
        let change_set = &mut ChangeSet::none();
        log_changes(conn, &self.editor, self.owner, change_set, &[entry]).map(drop)
    }
}
