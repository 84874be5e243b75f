//! The images of a row, as its page shows them.

use std::collections::BTreeMap;

use accounts::Verb;
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::{Gallery, Record, Resource};
use serde::Serialize;

use crate::editor::Editor;
use crate::ui::field::FieldView;
use crate::ui::links::{capitalized, change_path, counted, list_path, thumbnail_path};
use crate::ui::submission::Submission;

#[derive(Serialize)]
pub(crate) struct GalleryView {
    heading: String,
    note: Option<String>,
    help: &'static str,
    accept: &'static str,
    action: String,
    deleted_href: String,
    may_add: bool,
    may_change: bool,
    may_delete: bool,
    images: Vec<ImageView>,
}

#[derive(Serialize)]
struct ImageView {
    id: i64,
    title: String,
    thumbnail: String,
    href: String,
    description: FieldView,
    /// The stored description, to notice that somebody else changed it.
    stored: String,
}

pub(crate) fn description_name(id: i64) -> String {
    format!("description-{id}")
}

/// The name of the field with the description that the page was opened with.
pub(crate) fn initial_name(id: i64) -> String {
    format!("initial-{id}")
}

impl GalleryView {
    /// The images of a row; `None` if its resource has none, or the user may not view them.
    pub(crate) fn load(
        conn: &mut DbConnection,
        editor: &Editor,
        owner: &Resource,
        id: i64,
    ) -> QueryResult<Option<Self>> {
        let is_visible = |gallery: &Gallery| editor.may_view(gallery.resource);
        let Some(gallery) = owner.gallery.filter(is_visible) else {
            return Ok(None);
        };
        let resource = gallery.resource;
        let may_change = editor.may(Verb::Change, resource);
        let mut fields = resource.fields.iter();
        let field = fields.find(|field| field.name == gallery.description);
        let label = field.map_or("", |field| field.label);
        let kind = if may_change { "textarea" } else { "readonly" };
        let images = in_order(conn, gallery, id)?;
        let bare = images.iter();
        let bare = bare.filter(|image| image.values.text(gallery.description).is_empty());
        let note = match bare.count() {
            0 => None,
            1 => Some(format!("{} needs a description.", counted(resource, 1))),
            count => Some(format!("{} need a description.", counted(resource, count))),
        };
        let view = |image: Record| {
            let stored = image.values.text(gallery.description).to_owned();
            ImageView {
                id: image.id,
                thumbnail: thumbnail_path(resource, image_value(resource, &image)),
                href: change_path(resource, image.id),
                description: FieldView {
                    value: stored.clone(),
                    // The note says that it is wanted; a description may be empty.
                    depends: true,
                    ..FieldView::new(&description_name(image.id), label, kind)
                },
                stored,
                title: image.title,
            }
        };
        Ok(Some(Self {
            heading: capitalized(resource.plural),
            note,
            help: gallery.help,
            accept: resource.images.map_or("", |images| images.accept),
            action: format!("{}{id}/{}/", list_path(owner), resource.plural),
            deleted_href: format!("{}deleted/", list_path(resource)),
            may_add: editor.may(Verb::Add, resource),
            may_change,
            may_delete: editor.may(Verb::Delete, resource),
            images: images.into_iter().map(view).collect(),
        }))
    }

    /// Shows the descriptions of a submission with their errors, by image.
    pub(crate) fn add_errors(&mut self, submission: &Submission, errors: &BTreeMap<i64, String>) {
        for image in &mut self.images {
            let field = &mut image.description;
            if submission.has(&field.name) {
                submission.text(&field.name).clone_into(&mut field.value);
            }
            field.errors.extend(errors.get(&image.id).cloned());
        }
    }

    /// The descriptions as fields, for the summary of errors.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &FieldView> {
        self.images.iter().map(|image| &image.description)
    }
}

pub(crate) fn in_order(
    conn: &mut DbConnection,
    gallery: Gallery,
    owner: i64,
) -> QueryResult<Vec<Record>> {
    let ids = (gallery.ids)(conn, owner)?;
    let mut by_id = gallery.resource.load_by_id(conn, &ids)?;
    Ok(ids.iter().filter_map(|id| by_id.remove(id)).collect())
}

pub(crate) fn image_value<'r>(resource: &Resource, image: &'r Record) -> &'r str {
    let images = resource.images;
    images.map_or("", |images| image.values.text(images.field))
}

/// The thumbnails of these rows: their own images, or the first ones that belong to them.
pub(crate) fn thumbnails(
    conn: &mut DbConnection,
    resource: &Resource,
    ids: &[i64],
) -> QueryResult<BTreeMap<i64, String>> {
    let values = if resource.images.is_some() {
        let records = (resource.load_all)(conn, ids)?.into_iter();
        records
            .map(|record| (record.id, image_value(resource, &record).to_owned()))
            .collect()
    } else if let Some(gallery) = resource.gallery {
        (gallery.covers)(conn, ids)?
    } else {
        BTreeMap::new()
    };
    let images = resource
        .gallery
        .map_or(resource, |gallery| gallery.resource);
    let paths = values.into_iter();
    Ok(paths
        .map(|(id, value)| (id, thumbnail_path(images, &value)))
        .collect())
}
