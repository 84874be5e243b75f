//! Permissions as a table of check boxes: a row for each model, a column for each action.

use accounts::Verb;
use accounts::admin::AccessRules;
use diesel::QueryResult;
use oc_core::DbConnection;

use crate::form::state::FormState;
use crate::ui::field::{FieldView, ModelPermissions, PermissionBox};
use crate::ui::links::capitalized;

/// The columns.
const ACTIONS: [(Verb, &str); 4] = [
    (Verb::View, "View"),
    (Verb::Add, "Add"),
    (Verb::Change, "Change"),
    (Verb::Delete, "Delete"),
];

const LOCKED_HELP: &str = "You can't change the permissions that you don't have yourself.";

impl FormState {
    /// Adds the table of permissions to a field. All are locked in the form of an account with more permissions than the user
    /// has.
    pub(super) fn add_permission_table(
        &self,
        conn: &mut DbConnection,
        rules: &AccessRules,
        view: &mut FieldView,
    ) -> QueryResult<()> {
        let editor = &self.definition.editor;
        let chosen = self.values.list(&view.name);
        let inherited = (rules.inherited)(conn, &self.values)?;
        let choices = editor.registry.permissions();
        let check_box = |code: String, action| {
            let choice = choices.iter().find(|choice| choice.value == code)?;
            let groups = inherited.iter().filter(|(inherited, _)| *inherited == code);
            Some(PermissionBox {
                action,
                label: choice.label.clone(),
                checked: chosen.contains(&code),
                locked: self.has_higher_privileges || !editor.permissions.has(&code),
                groups: groups.map(|(_, group)| group.clone()).collect(),
                value: code,
            })
        };
        let models = editor.registry.all();
        let models = models.map(|it| (it.app, it.name, it.app_label, capitalized(it.plural)));
        // The only permission without a model.
        let site = ("site", "diagnostics", "Site", "Diagnostics".to_owned());
        let row = |(app, name, app_label, model): (_, _, &'static str, _)| ModelPermissions {
            app: app_label,
            model,
            permissions: ACTIONS.map(|(verb, action)| check_box(verb.on(app, name), action)),
        };
        view.permissions = models.chain([site]).map(row).collect();
        let rows = view.permissions.iter();
        let mut all = rows.flat_map(|row| row.permissions.iter().flatten());
        if all.any(|permission| permission.locked) {
            view.help = Some(LOCKED_HELP.to_owned());
        }
        Ok(())
    }
}
