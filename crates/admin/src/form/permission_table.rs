//! Permissions as a table of check boxes: a row for each model, a column for each action.

use oc_core::admin::Choice;

use crate::form::choices::FieldChoices;
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

/// The table of the choices of a field. All are locked in the form of an account with more permissions than the user has.
pub(crate) fn permission_table(
    state: &FormState,
    offered: &FieldChoices,
    name: &str,
) -> PermissionTable {
    let (editor, chosen) = (&state.definition.editor, state.values.list(name));
    let mut rows: Vec<ModelPermissions> = Vec::new();
    for choice in &offered.choices {
        let Some((app, model, column)) = parts(editor.registry, &choice.value) else {
            continue;
        };
        let inherited = offered.inherited.iter();
        let inherited = inherited.filter(|(code, _)| *code == choice.value);
        let Choice { value, label } = choice.clone();
        let permission = PermissionBox {
            action: ACTIONS[column].1,
            checked: chosen.contains(&value),
            locked: state.has_higher_privileges || !editor.permissions.has(&value),
            groups: inherited.map(|(_, group)| group.clone()).collect(),
            value,
            label,
        };
        let is_known = |row: &&mut ModelPermissions| (&row.app, &row.model) == (&app, &model);
        if let Some(row) = rows.iter_mut().find(is_known) {
            row.permissions[column] = Some(permission);
            continue;
        }
        let mut permissions = <[_; 4]>::default();
        permissions[column] = Some(permission);
        rows.push(ModelPermissions {
            app,
            model,
            permissions,
        });
    }
    let mut all = rows.iter().flat_map(|row| row.permissions.iter().flatten());
    PermissionTable {
        has_locked: all.any(|permission| permission.locked),
        rows,
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
