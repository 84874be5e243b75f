//! The user who makes a change, and what they may do.

use accounts::{Permissions, User, Verb};
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::{FormValues, Record, Resource};
use oc_core::validation::FieldError;

use crate::registry::Registry;

#[derive(Clone)]
pub(crate) struct Editor {
    pub(crate) registry: Registry,
    pub(crate) user: User,
    pub(crate) permissions: Permissions,
}

impl Editor {
    /// Whether the permissions allow this on the objects of a resource.
    pub(crate) fn may(&self, verb: Verb, resource: &Resource) -> bool {
        self.permissions.may(verb, resource.app, resource.name)
    }

    /// Whether the permissions allow anything on a resource.
    pub(crate) fn may_open(&self, resource: &Resource) -> bool {
        Verb::ALL.iter().any(|verb| self.may(*verb, resource))
    }

    /// Whether objects may be viewed: the permission to change includes it.
    pub(crate) fn may_view(&self, resource: &Resource) -> bool {
        self.may(Verb::View, resource) || self.may(Verb::Change, resource)
    }

    /// Whether an object may be added. Accounts are changed right after they are added.
    pub(crate) fn may_add(&self, resource: &Resource) -> bool {
        let access = self.registry.access(resource);
        let are_accounts = access.is_some_and(|rules| rules.are_accounts);
        self.may(Verb::Add, resource) && (!are_accounts || self.may(Verb::Change, resource))
    }

    /// Whether a file may be imported; each row then requires the permission to add or change it.
    pub(crate) fn may_import(&self, resource: &Resource) -> bool {
        self.may_add(resource) || self.may(Verb::Change, resource)
    }

    pub(crate) fn viewable_resources(&self) -> impl Iterator<Item = &'static Resource> {
        let resources = self.registry.all();
        resources.filter(|resource| self.may_view(resource))
    }

    /// Whether an object may be taken over or deleted: an account only by users with all of its permissions.
    pub(crate) fn can_manage(
        &self,
        conn: &mut DbConnection,
        resource: &Resource,
        id: i64,
    ) -> QueryResult<bool> {
        match self.registry.access(resource) {
            Some(rules) => (rules.can_manage)(conn, &self.permissions, id),
            None => Ok(true),
        }
    }

    /// What a change would give or take beyond the permissions of its author.
    pub(crate) fn escalations(
        &self,
        conn: &mut DbConnection,
        resource: &Resource,
        current: Option<&Record>,
        values: &FormValues,
    ) -> QueryResult<Vec<FieldError>> {
        let Some(rules) = self.registry.access(resource) else {
            return Ok(Vec::new());
        };
        let nothing = FormValues::default();
        let before = current.map_or(&nothing, |record| &record.values);
        let id = current.map(|record| record.id);
        let known = self.registry.permissions();
        rules.escalations(conn, &self.permissions, &known, id, before, values)
    }
}
