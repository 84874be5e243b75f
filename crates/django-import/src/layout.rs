//! Models of a Django edition, and the two layouts of their tables.

use std::collections::BTreeMap;

use anyhow::bail;

/// A model that is imported, in the order in which rows are read: each after those that it references.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Model {
    ContentType,
    Permission,
    Group,
    User,
    Address,
    Letting,
    Profile,
    LogEntry,
}

/// How an edition splits its models into apps. Every public edition has one of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// All in `oc_lettings_site`.
    OneApp,
    /// `lettings` and `profiles`.
    SplitApps,
}

/// The first edition's app.
const ONE_APP: &str = "oc_lettings_site";

impl Model {
    pub(crate) const ALL: [Self; 8] = [
        Self::ContentType,
        Self::Permission,
        Self::Group,
        Self::User,
        Self::Address,
        Self::Letting,
        Self::Profile,
        Self::LogEntry,
    ];

    /// The models of the site itself.
    const SITE: [Self; 3] = [Self::Address, Self::Letting, Self::Profile];

    /// Its label in a dump, such as `lettings.letting`.
    pub(crate) fn label(self, layout: Layout) -> &'static str {
        match (self, layout) {
            (Self::ContentType, _) => "contenttypes.contenttype",
            (Self::Permission, _) => "auth.permission",
            (Self::Group, _) => "auth.group",
            (Self::User, _) => "auth.user",
            (Self::LogEntry, _) => "admin.logentry",
            (Self::Address, Layout::OneApp) => "oc_lettings_site.address",
            (Self::Letting, Layout::OneApp) => "oc_lettings_site.letting",
            (Self::Profile, Layout::OneApp) => "oc_lettings_site.profile",
            (Self::Address, Layout::SplitApps) => "lettings.address",
            (Self::Letting, Layout::SplitApps) => "lettings.letting",
            (Self::Profile, Layout::SplitApps) => "profiles.profile",
        }
    }

    /// Its table in the Django database.
    pub(crate) fn table(self, layout: Layout) -> String {
        match self {
            Self::ContentType => "django_content_type".to_owned(),
            Self::LogEntry => "django_admin_log".to_owned(),
            _ => self.label(layout).replace('.', "_"),
        }
    }

    /// What its rows are called in the report; `None` if only referenced.
    pub(crate) fn report_name(self) -> Option<&'static str> {
        match self {
            Self::LogEntry => Some("log entries"),
            _ => self.table_on_site(),
        }
    }

    /// The table of its rows on this site; `None` if only referenced.
    pub(crate) fn table_on_site(self) -> Option<&'static str> {
        match self {
            Self::ContentType | Self::Permission => None,
            Self::Group => Some("groups"),
            Self::User => Some("users"),
            Self::Address => Some("addresses"),
            Self::Letting => Some("lettings"),
            Self::Profile => Some("profiles"),
            Self::LogEntry => Some("changes"),
        }
    }

    /// The columns that are read, beside the id.
    pub(crate) fn columns(self) -> impl Iterator<Item = &'static str> {
        let columns = match self {
            Self::ContentType => "app_label model",
            Self::Permission => "content_type_id codename",
            Self::Group => "name",
            Self::User => {
                "password last_login is_superuser username first_name last_name email is_staff is_active date_joined"
            }
            Self::Address => "number street city state zip_code country_iso_code",
            Self::Letting => "title address_id",
            Self::Profile => "user_id favorite_city",
            Self::LogEntry => {
                "action_time user_id content_type_id object_id object_repr action_flag change_message"
            }
        };
        columns.split(' ')
    }

    /// The name of a column in a dump, where foreign keys have no suffix.
    pub(crate) fn field(column: &str) -> &str {
        match column {
            "object_id" => column,
            _ => column.strip_suffix("_id").unwrap_or(column),
        }
    }

    /// Lists of other rows: the field in a dump, and the columns of owner and item in its table, which Django names
    /// after the model's table and the field.
    pub(crate) fn lists(self) -> &'static [(&'static str, &'static str, &'static str)] {
        match self {
            Self::Group => &[("permissions", "group_id", "permission_id")],
            Self::User => &[
                ("groups", "user_id", "group_id"),
                ("user_permissions", "user_id", "permission_id"),
            ],
            _ => &[],
        }
    }

    /// The model of a label, in either layout.
    pub(crate) fn find(label: &str) -> Option<(Self, Option<Layout>)> {
        Self::ALL.into_iter().find_map(|model| {
            let layout = [Layout::SplitApps, Layout::OneApp]
                .into_iter()
                .find(|layout| model.label(*layout) == label)?;
            Some((model, Self::SITE.contains(&model).then_some(layout)))
        })
    }

    /// This site's name of the model, for permissions and the audit log; `None` if it has neither.
    pub(crate) fn key(self) -> Option<&'static str> {
        match self {
            Self::Group | Self::User | Self::Address | Self::Letting | Self::Profile => {
                Some(self.label(Layout::SplitApps))
            }
            Self::ContentType | Self::Permission | Self::LogEntry => None,
        }
    }
}

impl Layout {
    /// Chooses the layout, given how many rows each table or model has. An edition that was split may have left the
    /// tables of the first behind.
    pub(crate) fn detect(
        found: &BTreeMap<String, u64>,
        name: impl Fn(Model, Self) -> String,
        must_be_complete: bool,
    ) -> anyhow::Result<Self> {
        let counts = |layout| Model::SITE.map(|model| found.get(&name(model, layout)));
        let is_there = |layout: &Self| {
            let present = counts(*layout).iter().flatten().count();
            present == Model::SITE.len() || (present > 0 && !must_be_complete)
        };
        let rows = |layout| -> u64 { counts(layout).into_iter().flatten().sum() };
        let layouts: Vec<Self> = [Self::SplitApps, Self::OneApp]
            .into_iter()
            .filter(is_there)
            .collect();
        match layouts.as_slice() {
            [layout] => Ok(*layout),
            [_, _] if rows(Self::SplitApps) == 0 => Ok(Self::OneApp),
            [_, _] => Ok(Self::SplitApps),
            _ => {
                let mut names: Vec<&str> = found.keys().map(String::as_str).collect();
                if names.is_empty() {
                    names.push("nothing");
                }
                let found = names.join(", ");
                bail!(
                    "it is not from a Django edition of this site: it needs addresses, lettings and profiles in the apps \
                     lettings and profiles, or in {ONE_APP}; found {found}"
                )
            }
        }
    }

    /// What it is called in the report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OneApp => "one app",
            Self::SplitApps => "split apps",
        }
    }
}
