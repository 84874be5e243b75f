//! The resources that staff manage, and the time zone of the site.

use accounts::admin::{ACCESS_RULES, AccessRules, USER, permission_choices, permission_labels};
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::{
    Choice, ChoicePage, ChoiceQuery, Field, FieldKind, ListQuery, ListRow, OnDelete, Reference,
    Resource, ids,
};

use crate::time_zone::TimeZone;

/// The resource of accounts, which have pages of their own.
pub(crate) const ACCOUNTS: &Resource = &USER;

pub(crate) const DIAGNOSTICS: &str = "site.view_diagnostics";

/// All resources in the order of the index, and the access rules of those that hold permissions.
#[derive(Debug, Clone, Copy)]
pub struct Registry {
    resources: &'static [&'static Resource],
    access: &'static [AccessRules],
    pub(crate) time_zone: TimeZone,
    /// Whether changes of an account are mailed to its owner.
    pub(crate) sends_mail: bool,
}

impl Registry {
    /// These resources, with UTC as the time zone and without mails.
    #[must_use]
    pub const fn new(resources: &'static [&'static Resource]) -> Self {
        Self {
            resources,
            access: &ACCESS_RULES,
            time_zone: TimeZone::UTC,
            sends_mail: false,
        }
    }

    /// These resources in a time zone.
    #[must_use]
    pub const fn in_time_zone(self, time_zone: TimeZone) -> Self {
        Self { time_zone, ..self }
    }

    /// Sets whether mails are sent.
    #[must_use]
    pub const fn with_mail(self, sends_mail: bool) -> Self {
        Self { sends_mail, ..self }
    }

    /// Every resource.
    pub fn all(self) -> impl Iterator<Item = &'static Resource> {
        self.resources.iter().copied()
    }

    /// The resource at a path.
    #[must_use]
    pub fn find(self, app: &str, name: &str) -> Option<&'static Resource> {
        self.all()
            .find(|resource| resource.app == app && resource.name == name)
    }

    /// The resource with a key such as `library.book`.
    #[must_use]
    pub fn by_key(self, key: &str) -> Option<&'static Resource> {
        key.split_once('.')
            .and_then(|(app, name)| self.find(app, name))
    }

    /// The references to a resource with this rule, each with the resource that declares it.
    pub fn references_to(
        self,
        target: &Resource,
        on_delete: OnDelete,
    ) -> impl Iterator<Item = (&'static Resource, &'static Reference)> + use<> {
        let key = target.key();
        let all = self.all().flat_map(|source| {
            let references = source.references.iter();
            references.map(move |reference| (source, reference))
        });
        all.filter(move |(_, reference)| {
            reference.target == key && reference.on_delete == on_delete
        })
    }

    /// The access rules of a resource that holds permissions.
    pub(crate) fn access(self, resource: &Resource) -> Option<&'static AccessRules> {
        let is_same = |rules: &&AccessRules| {
            (rules.resource.app, rules.resource.name) == (resource.app, resource.name)
        };
        self.access.iter().find(is_same)
    }

    pub(crate) fn permissions(self) -> Vec<Choice> {
        let names: Vec<_> = self
            .all()
            .map(|resource| (resource.app, resource.name))
            .collect();
        let mut permissions = permission_choices(&names);
        permissions.push(Choice::new(DIAGNOSTICS, "site · diagnostics · view"));
        permissions
    }

    /// Choices of a field: of its own resource, or the rows of a related one by name.
    pub(crate) fn choices(
        self,
        conn: &mut DbConnection,
        resource: &Resource,
        field: &Field,
        wanted: &ChoiceQuery<'_>,
    ) -> QueryResult<ChoicePage> {
        let related = match (field.kind, resource.choices) {
            (FieldKind::Related(app, name) | FieldKind::MultipleChoice(app, name), _)
            | (FieldKind::Choice(app, name), None) => self.find(app, name),
            (_, Some(choices)) => return choices(conn, wanted),
            (_, None) => None,
        };
        let Some(related) = related else {
            return Ok(ChoicePage::default());
        };
        let listing = ListQuery {
            terms: wanted.terms.clone(),
            order: vec![(0, false)],
            limit: wanted.limit,
            ..ListQuery::default()
        };
        let list = (related.list)(conn, &listing)?;
        let rows = list.rows.into_iter();
        let choice =
            |row: ListRow| Choice::new(row.id, row.cells.into_iter().next().unwrap_or_default());
        Ok(ChoicePage {
            choices: rows.map(choice).collect(),
            found: list.found,
        })
    }

    /// Labels of values of a field with choices; unknown values are left out.
    pub(crate) fn labels(
        self,
        conn: &mut DbConnection,
        resource: &Resource,
        field: &Field,
        values: &[String],
    ) -> QueryResult<Vec<Choice>> {
        let related = match (field.kind, resource.labels) {
            (FieldKind::OneOf(_) | FieldKind::AnyOf(_), _) => {
                return Ok(field.kind.fixed_choices());
            }
            (FieldKind::Permissions, _) => return Ok(permission_labels(values)),
            (FieldKind::Related(app, name) | FieldKind::MultipleChoice(app, name), _)
            | (FieldKind::Choice(app, name), None) => self.find(app, name),
            (_, Some(labels)) => return labels(conn, values),
            (_, None) => None,
        };
        let Some(related) = related else {
            return Ok(Vec::new());
        };
        let rows = (related.load_all)(conn, &ids(values))?.into_iter();
        Ok(rows.map(|row| Choice::new(row.id, row.title)).collect())
    }
}
