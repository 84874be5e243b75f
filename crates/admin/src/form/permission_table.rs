//! Permissions as a table of check boxes: a row for each model, a column for each action.

use accounts::admin::AccessRules;
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::Choice;

use crate::form::state::FormState;
use crate::registry::Registry;
use crate::ui::field::{ModelPermissions, PermissionBox, PermissionTable};
use crate::ui::links::capitalized;

/// The columns: the word in the code, and the label.
const ACTIONS: [(&str, &str); 4] = [
    ("view", "View"),
    ("add", "Add"),
    ("change", "Change"),
    ("delete", "Delete"),
];

impl FormState {
    /// The table of a field's choices. All are locked in the form of an account with more permissions than the user has.
    pub(super) fn permission_table(
        &self,
        conn: &mut DbConnection,
        rules: &AccessRules,
    ) -> QueryResult<PermissionTable> {
        let editor = &self.definition.editor;
        let chosen = self.values.list(rules.permission_field);
        let inherited = (rules.inherited)(conn, &self.values)?;
        let mut rows: Vec<ModelPermissions> = Vec::new();
        for Choice { value, label } in editor.registry.permissions() {
            let Some((app, model, column)) = parts(editor.registry, &value) else {
                continue;
            };
            let groups = inherited.iter().filter(|(code, _)| *code == value);
            let permission = PermissionBox {
                action: ACTIONS[column].1,
                checked: chosen.contains(&value),
                locked: self.has_higher_privileges || !editor.permissions.has(&value),
                groups: groups.map(|(_, group)| group.clone()).collect(),
                value,
                label,
            };
            // The permissions of a model follow each other.
            let is_known = |row: &ModelPermissions| (&row.app, &row.model) == (&app, &model);
            if !rows.last().is_some_and(is_known) {
                rows.push(ModelPermissions {
                    app,
                    model,
                    permissions: Default::default(),
                });
            }
            if let Some(row) = rows.last_mut() {
                row.permissions[column] = Some(permission);
            }
        }
        let mut all = rows.iter().flat_map(|row| row.permissions.iter().flatten());
        Ok(PermissionTable {
            has_locked: all.any(|permission| permission.locked),
            rows,
        })
    }
}

/// The labels of app and model in the code of a permission, and the column of its action.
fn parts(registry: Registry, code: &str) -> Option<(String, String, usize)> {
    let (app, action) = code.split_once('.')?;
    let (action, model) = action.split_once('_')?;
    let column = ACTIONS.iter().position(|(word, _)| *word == action)?;
    let labels = registry.find(app, model).map_or_else(
        || (capitalized(app), capitalized(model)),
        |model| (model.app_label.to_owned(), capitalized(model.plural)),
    );
    Some((labels.0, labels.1, column))
}
