//! Admin resource of photos.

use diesel::dsl::{InnerJoin, IntoBoxed};
use diesel::prelude::*;
use oc_core::DbConnection;
use oc_core::admin::{
    DeletedRow, Field, FieldKind, Filter, FormValues, Gallery, Images, ListPage, ListQuery,
    NewImage, OnDelete, Record, Reference, Resource, SaveError, combine, parse_flag, required_id,
    then_order, validate_all,
};
use oc_core::search::{fold, lower};
use oc_core::validation::{FieldError, Violation};

use crate::photo::{LONGEST_ALT, MAX_PHOTOS, NewPhoto, Photo, PhotoDraft, PhotoError};
use crate::photo_file::{PhotoFile, RECOMMENDED_WIDTH, WIDTHS};
use crate::schema::{letting_photos, lettings};

use super::address::{APP, APP_LABEL};

const LETTING: &str = "Letting";

/// Admin resource of photos.
pub const MODEL: Resource = Resource {
    app: APP,
    app_label: APP_LABEL,
    name: "photo",
    table: "letting_photos",
    singular: "photo",
    plural: "photos",
    columns: &["Description", "Letting", "Position"],
    filters: &[Filter::yes_no("described", "Described")],
    search_hint: "description, letting",
    fields: &[
        Field::new("letting", LETTING, FieldKind::Choice(APP, "letting")),
        Field::new("file", "Photo", FieldKind::Image),
        Field::text("alt", "Describe this photo", 0, LONGEST_ALT).help(
            "What would you say on the phone? “Living room with a sofa and a view of the pier.” \
             A photo is public once it has a description.",
        ),
        Field::whole("position", "Position", 1, MAX_PHOTOS)
            .help("1 is the cover.")
            .default("40"),
    ],
    inlines: &[],
    images: Some(Images {
        field: "file",
        accept: "image/jpeg,image/png,image/webp",
        convert,
        thumbnail: |conn, sha256| PhotoFile::read(conn, sha256, WIDTHS[0]),
        full: |conn, sha256| PhotoFile::read(conn, sha256, WIDTHS[2]),
    }),
    gallery: None,
    references: &[Reference::new(
        "lettings.letting",
        "letting_photos",
        "letting_id",
        OnDelete::Cascade,
    )],
    save_as: false,
    actions: &[],
    export_note: "",
    public_page: None,
    list,
    load_all,
    save,
    restore,
    delete: Photo::delete,
    choices: None,
    labels: None,
};

/// The photos of a letting, below its form.
pub(super) const GALLERY: Gallery = Gallery {
    resource: &MODEL,
    owner: "letting",
    description: "alt",
    position: "position",
    help: "JPEG, PNG or WebP, up to 20 MB each and 100 MB at a time; best at least 1,600 pixels wide.",
    ids: Photo::ids,
    covers: |conn, ids| {
        let first = letting_photos::table
            .filter(letting_photos::letting_id.eq_any(ids.to_vec()))
            .filter(letting_photos::position.eq(1))
            .select((letting_photos::letting_id, letting_photos::sha256))
            .load::<(i64, String)>(conn)?;
        Ok(first.into_iter().collect())
    },
};

impl NewImage for PhotoFile {
    fn store(&self, conn: &mut DbConnection) -> QueryResult<String> {
        // Now and then is often enough.
        Self::delete_unused(conn, chrono::Utc::now().naive_utc())?;
        Self::store(self, conn)?;
        Ok(self.sha256.clone())
    }

    fn advice(&self) -> Option<&'static str> {
        (self.width() < RECOMMENDED_WIDTH).then_some(
            "is small: it has fewer than 800 pixels across and looks blurred on large screens.",
        )
    }
}

fn convert(upload: &[u8]) -> Result<Box<dyn NewImage>, String> {
    match PhotoFile::convert(upload) {
        Ok(file) => Ok(Box::new(file)),
        Err(error) => Err(error.to_string()),
    }
}

type Joined<'a> =
    IntoBoxed<'a, InnerJoin<letting_photos::table, lettings::table>, oc_core::Backend>;

fn list(conn: &mut DbConnection, listing: &ListQuery) -> QueryResult<ListPage> {
    let total = letting_photos::table.count().get_result(conn)?;
    let found = matching(listing).count().get_result(conn)?;
    let rows: Vec<(i64, String, String, i32)> = sorted(matching(listing), listing)
        .offset(listing.offset)
        .limit(listing.limit)
        .select((
            letting_photos::id,
            letting_photos::alt,
            lettings::title,
            letting_photos::position,
        ))
        .load(conn)?;
    let row = |(id, alt, title, position): (i64, String, String, i32)| {
        let name = name(alt, position, &title);
        (id, vec![name, title, position.to_string()])
    };
    Ok(ListPage::new(found, total, rows, row))
}

/// Photos that match the filters.
fn matching(listing: &ListQuery) -> Joined<'_> {
    let mut query = letting_photos::table
        .inner_join(lettings::table)
        .into_boxed();
    for pattern in listing.terms.patterns() {
        let text = letting_photos::alt.concat(" ").concat(lettings::title);
        query = query.filter(fold(text).like(pattern).escape('\\'));
    }
    for (_, value) in &listing.filters {
        let is_described = letting_photos::alt.ne("").nullable();
        query = query.filter(is_described.eq(parse_flag(value)));
    }
    query
}

fn sorted<'a>(query: Joined<'a>, listing: &ListQuery) -> Joined<'a> {
    listing.sort(
        query,
        letting_photos::id,
        |query, column, descending| match column {
            0 => then_order(query, lower(letting_photos::alt), descending),
            1 => then_order(query, lower(lettings::title), descending),
            _ => then_order(query, letting_photos::position, descending),
        },
    )
}

/// The name of a photo: its description, or its place.
fn name(alt: String, position: i32, title: &str) -> String {
    if alt.is_empty() {
        format!("Photo {position} of {title}")
    } else {
        alt
    }
}

fn load_all(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<Vec<Record>> {
    let photos: Vec<(Photo, String)> = letting_photos::table
        .inner_join(lettings::table)
        .filter(letting_photos::id.eq_any(ids.to_vec()))
        .order(letting_photos::id)
        .select((Photo::as_select(), lettings::title))
        .load(conn)?;
    let record = |(photo, title): (Photo, String)| Record {
        id: photo.id,
        values: FormValues::default()
            .with("letting", photo.letting_id.to_string())
            .with("file", photo.sha256)
            .with("alt", &photo.alt)
            .with("position", photo.position.to_string()),
        title: name(photo.alt, photo.position, &title),
    };
    Ok(photos.into_iter().map(record).collect())
}

fn check(values: &FormValues) -> Result<NewPhoto, Vec<FieldError>> {
    let letting = required_id(values, "letting", LETTING);
    let draft = PhotoDraft {
        letting_id: letting.as_ref().copied().unwrap_or_default(),
        sha256: values.text("file").to_owned(),
        alt: values.text("alt").to_owned(),
        position: values.text("position").to_owned(),
    };
    let (photo, _) = combine(draft.check(), letting)?;
    Ok(photo)
}

fn save(conn: &mut DbConnection, id: Option<i64>, values: &FormValues) -> Result<i64, SaveError> {
    let photo = check(values)?;
    match id {
        None => Photo::insert(conn, &photo).map_err(refused),
        Some(id) if Photo::update(conn, id, &photo).map_err(refused)? => Ok(id),
        Some(_) => Err(SaveError::Missing),
    }
}

fn restore(conn: &mut DbConnection, rows: &[DeletedRow<'_>]) -> Result<(), SaveError> {
    let photos = validate_all(rows, check)?;
    Photo::restore(conn, photos).map_err(refused)
}

fn refused(error: PhotoError) -> SaveError {
    let invalid = |field, violation| SaveError::Invalid(vec![FieldError::new(field, violation)]);
    match error {
        PhotoError::TooMany => {
            let text = "A letting can have at most 40 photos. Delete one first.";
            invalid("letting", Violation::Other(text))
        }
        PhotoError::NoFiles => {
            let text = "The file of this photo is no longer stored. Upload it again.";
            invalid("file", Violation::Other(text))
        }
        PhotoError::Database(error) => {
            let gone = FieldError::new("letting", Violation::Choice { label: LETTING });
            SaveError::from_constraint(error, None, Some(gone))
        }
    }
}
