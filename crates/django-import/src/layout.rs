//! Which tables of the file hold the site's rows, told by looking.
//!
//! The first edition had one app (`oc_lettings_site_letting`); later ones have two (`lettings_letting`,
//! `profiles_profile`), and some left the old tables behind, empty or full.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;

use super::choice::{Chosen, choose};
use super::file::DjangoFile;
use super::findings::Findings;

pub(super) const ADDRESS: &[&str] = &[
    "id",
    "number",
    "street",
    "city",
    "state",
    "zip_code",
    "country_iso_code",
];
pub(super) const LETTING: &[&str] = &["id", "title", "address_id"];
pub(super) const PROFILE: &[&str] = &["id", "favorite_city", "user_id"];
pub(super) const USER: &[&str] = &[
    "id",
    "password",
    "last_login",
    "is_superuser",
    "username",
    "first_name",
    "last_name",
    "email",
    "is_staff",
    "is_active",
    "date_joined",
];
pub(super) const GROUP: &[&str] = &["id", "name"];
pub(super) const USER_GROUP: &[&str] = &["id", "user_id", "group_id"];
pub(super) const USER_RIGHT: &[&str] = &["id", "user_id", "permission_id"];
pub(super) const GROUP_RIGHT: &[&str] = &["id", "group_id", "permission_id"];
pub(super) const LOG: &[&str] = &[
    "id",
    "action_time",
    "object_id",
    "object_repr",
    "change_message",
    "content_type_id",
    "user_id",
    "action_flag",
];

/// Django's own tables, and what is read of them.
const DJANGO: [(&str, &[&str]); 9] = [
    ("auth_user", USER),
    ("auth_group", GROUP),
    ("auth_user_groups", USER_GROUP),
    ("auth_user_user_permissions", USER_RIGHT),
    ("auth_group_permissions", GROUP_RIGHT),
    (
        "auth_permission",
        &["id", "content_type_id", "codename", "name"],
    ),
    ("django_content_type", &["id", "app_label", "model"]),
    ("django_migrations", &["id", "app", "name", "applied"]),
    ("django_admin_log", LOG),
];

/// A kind of rows of the site.
pub(super) struct Kind {
    /// Its name, with which that of its table ends.
    pub(super) name: &'static str,
    /// The columns that it needs.
    pub(super) columns: &'static [&'static str],
    /// The column of the first kind that leads to its table, be that in another app.
    pub(super) led_by: Option<&'static str>,
}

/// The kinds of rows, together where they refer to each other.
const LETTINGS: [Kind; 2] = [
    Kind {
        name: "letting",
        columns: LETTING,
        led_by: None,
    },
    Kind {
        name: "address",
        columns: ADDRESS,
        led_by: Some("address_id"),
    },
];
const PROFILES: [Kind; 1] = [Kind {
    name: "profile",
    columns: PROFILE,
    led_by: None,
}];

/// Where the rows of the site are.
#[derive(Debug)]
pub(super) struct Layout {
    /// The table of each kind, by the kind's name.
    tables: BTreeMap<&'static str, String>,
    /// The apps whose models are the site's.
    apps: BTreeSet<String>,
}

/// What is left alone.
#[derive(Debug, Default)]
pub(super) struct LeftAlone {
    /// Tables with their rows.
    pub(super) tables: Vec<(String, u64)>,
    /// Columns, as `table.column`.
    pub(super) columns: Vec<String>,
}

impl Layout {
    /// Looks at what is there. Says in `findings` what was chosen where there was a choice.
    pub(super) fn of(file: &mut DjangoFile, findings: &mut Findings) -> anyhow::Result<Self> {
        if file.has("__diesel_schema_migrations") {
            bail!(
                "it is a database of this program, not of Django; `restore` and `copy` move such rows"
            );
        }
        let mut layout = Self {
            tables: BTreeMap::new(),
            apps: ["oc_lettings_site", "lettings", "profiles"]
                .map(str::to_owned)
                .into(),
        };
        if let Some(chosen) = choose(file, &LETTINGS, "lettings", &layout.apps, findings)? {
            layout.take(chosen);
        } else {
            bail!(
                "it holds no lettings of a Django edition: there are no two tables as lettings_address and lettings_letting \
                 or oc_lettings_site_address and oc_lettings_site_letting with their columns"
            );
        }
        match choose(file, &PROFILES, "profiles", &layout.apps, findings)? {
            Some(chosen) => layout.take(chosen),
            None => findings
                .warn("There is no table of profiles, such as profiles_profile; none is imported."),
        }
        for (table, columns) in DJANGO {
            match file.tables.get(table) {
                Some(found) => {
                    let missing = columns.iter().find(|column| !has(found, column));
                    if let Some(missing) = missing {
                        bail!("the table {table} has no column {missing}");
                    }
                }
                None if table == "auth_user" => bail!("it has no table auth_user, so no users"),
                None if file.is_dump => {}
                None => findings.warn(format!("There is no table {table}; it is taken for empty.")),
            }
        }
        layout.find_models(file)?;
        Ok(layout)
    }

    fn take(&mut self, (app, tables): Chosen) {
        self.tables.extend(tables);
        self.apps.insert(app);
    }

    /// Finds the apps whose models kept tables that are called after another app.
    fn find_models(&mut self, file: &mut DjangoFile) -> anyhow::Result<()> {
        if !file.has("django_content_type") {
            return Ok(());
        }
        let rows = file.query(
            "SELECT CAST(app_label AS BLOB), CAST(model AS BLOB) FROM django_content_type",
        )?;
        let mut models: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for row in &rows {
            if let (Ok(app), Ok(model)) = (row.text(0), row.text(1)) {
                models.entry(app).or_default().insert(model);
            }
        }
        for (app, models) in models {
            let kinds: &[&str] = if models.contains("letting") && models.contains("address") {
                &["letting", "address"]
            } else if models.contains("profile") && self.tables.contains_key("profile") {
                &["profile"]
            } else {
                continue;
            };
            if !kinds.iter().any(|kind| file.has(&format!("{app}_{kind}"))) {
                self.apps.insert(app.to_owned());
            }
        }
        Ok(())
    }

    /// The tables of models that were not taken though they have rows of the site: app, model and table.
    pub(super) fn left_behind(&self, file: &DjangoFile) -> Vec<(String, &'static str, String)> {
        let mut left = Vec::new();
        for app in &self.apps {
            for (model, taken) in &self.tables {
                let own = format!("{app}_{model}");
                if *taken != own && file.has(&own) {
                    left.push((app.clone(), *model, own));
                }
            }
        }
        left
    }

    /// The table that holds the rows of a kind.
    pub(super) fn table(&self, kind: &str) -> Option<&str> {
        self.tables.get(kind).map(String::as_str)
    }

    /// The site's own name for a model of Django, such as `lettings.letting`; `None` for what has no place here.
    pub(super) fn model(&self, app: &str, model: &str) -> Option<&'static str> {
        let of_site = self.apps.contains(app);
        match (app, model) {
            ("auth", "user") => Some("auth.user"),
            ("auth", "group") => Some("auth.group"),
            (_, "letting") if of_site => Some("lettings.letting"),
            (_, "address") if of_site => Some("lettings.address"),
            (_, "profile") if of_site => Some("profiles.profile"),
            _ => None,
        }
    }

    /// What was found, in words.
    pub(super) fn told(&self) -> String {
        let tables: Vec<&str> = self.tables.values().map(String::as_str).collect();
        let apps: BTreeSet<&str> = tables
            .iter()
            .filter_map(|table| table.rsplit_once('_').map(|(app, _)| app))
            .collect();
        let kind = if apps.len() == 1 && self.tables.len() > LETTINGS.len() {
            "one app"
        } else {
            "split apps"
        };
        format!("{kind} ({})", tables.join(", "))
    }

    /// What the file holds beside what is moved over.
    pub(super) fn left_alone(&self, file: &mut DjangoFile) -> anyhow::Result<LeftAlone> {
        let mut left = LeftAlone::default();
        let mut known: BTreeMap<&str, &[&str]> = BTreeMap::from(DJANGO);
        for kind in LETTINGS.into_iter().chain(PROFILES) {
            if let Some(table) = self.table(kind.name) {
                known.insert(table, kind.columns);
            }
        }
        for (table, columns) in &file.tables.clone() {
            match known.get(table.as_str()) {
                Some(read) => {
                    let others = columns
                        .iter()
                        .filter(|column| !read.iter().any(|name| same(name, column)));
                    left.columns
                        .extend(others.map(|column| format!("{table}.{column}")));
                }
                None => left.tables.push((table.clone(), file.count(table)?)),
            }
        }
        for (name, rows) in &file.others {
            match name.strip_prefix("model ") {
                Some(model) => left.tables.push((model.to_owned(), *rows)),
                None => left.columns.push(name.clone()),
            }
        }
        Ok(left)
    }
}

pub(super) fn has(columns: &[String], column: &str) -> bool {
    columns.iter().any(|name| same(name, column))
}

/// SQLite does not tell the case of a name apart.
fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}
