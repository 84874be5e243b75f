//! Content types and permissions of Django.

use std::collections::HashMap;

use accounts::Verb;

use super::layout::Model;
use super::row::Reference;
use super::source::Source;

/// App and model of a content type.
type ContentType = (String, String);

/// Content types and permissions by their ids.
#[derive(Default)]
pub(crate) struct Permissions {
    content_types: HashMap<i64, ContentType>,
    /// Content type and codename.
    permissions: HashMap<i64, (ContentType, String)>,
}

/// Reads both tables. Incomplete rows are ignored: what refers to them is reported.
pub(crate) fn read(source: &mut Source) -> anyhow::Result<Permissions> {
    let mut found = Permissions::default();
    source.read(Model::ContentType, &mut |mut row| {
        let content_type = (row.text("app_label"), row.text("model"));
        found.content_types.insert(row.id(), content_type);
        Ok(())
    })?;
    source.read(Model::Permission, &mut |mut row| {
        let reference = row.reference("content_type");
        if let Some(content_type) = found.content_type(&reference) {
            let permission = (content_type, row.text("codename"));
            found.permissions.insert(row.id(), permission);
        }
        Ok(())
    })?;
    Ok(found)
}

impl Permissions {
    pub(crate) fn content_type(&self, reference: &Reference) -> Option<ContentType> {
        match reference {
            Reference::Id(id) => self.content_types.get(id).cloned(),
            Reference::NaturalKey(key) => match key.as_slice() {
                [app, model] => Some((app.clone(), model.clone())),
                _ => None,
            },
            Reference::None => None,
        }
    }

    /// This site's code of a permission, or Django's name of one that this site does not have.
    pub(crate) fn code(&self, reference: &Reference) -> Result<String, String> {
        let (app, model, codename) = match reference {
            Reference::Id(id) => match self.permissions.get(id) {
                Some(((app, model), codename)) => (app, model, codename),
                None => return Err(format!("{id}, which does not exist")),
            },
            Reference::NaturalKey(key) => match key.as_slice() {
                [codename, app, model] => (app, model, codename),
                _ => return Err(key.join(".")),
            },
            Reference::None => return Err("NULL".to_owned()),
        };
        site_code(app, model, codename).ok_or_else(|| format!("{app}.{codename}"))
    }
}

fn site_code(app: &str, model: &str, codename: &str) -> Option<String> {
    let (verb, of) = codename.split_once('_')?;
    let verb = Verb::ALL.into_iter().find(|known| known.word() == verb)?;
    let (known, _) = Model::find(&format!("{app}.{model}"))?;
    let (app, name) = known.key()?.split_once('.')?;
    (of == model).then(|| verb.on(app, name))
}
