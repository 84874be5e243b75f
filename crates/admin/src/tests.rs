//! Resources without a table, for unit tests.

use oc_core::admin::{Choice, Field, FieldKind, Filter, Inline, ListPage, Resource};

const TEXT: FieldKind = FieldKind::Text { min: 1, max: 100 };

static AUTHOR: Resource = Resource {
    name: "author",
    singular: "author",
    plural: "authors",
    fields: &[Field::new("name", "Name", TEXT)],
    ..BASE
};

pub(crate) static BOOK: Resource = Resource {
    inlines: &[Inline {
        field: "author",
        resource: &AUTHOR,
        names: &["author-name"],
        conflict_message: "Choose an author or fill in the fields, not both.",
        taken_hint: "",
        find: |_, _, _| Ok(None),
    }],
    ..BASE
};

const BASE: Resource = Resource {
    app: "library",
    app_label: "Library",
    name: "book",
    table: "books",
    singular: "book",
    plural: "books",
    columns: &["Title", "Author"],
    filters: &[Filter {
        parameter: "genre__exact",
        label: "Genre",
        choices: |_| Ok(vec![Choice::new("novel", "Novel")]),
    }],
    search_hint: "title",
    fields: &[
        Field::new("title", "Title", TEXT),
        Field::new("in_print", "In print", FieldKind::Boolean),
        Field::new("author", "Author", FieldKind::Choice("library", "author")),
    ],
    inlines: &[],
    images: None,
    gallery: None,
    save_as: false,
    actions: &[],
    export_note: "",
    public_page: None,
    list: |_, _| Ok(ListPage::default()),
    load_all: |_, _| Ok(Vec::new()),
    save: |_, _, _| Ok(1),
    restore: |_, _| Ok(()),
    delete: |_, _| Ok(()),
    references: &[],
    choices: None,
    labels: None,
};
