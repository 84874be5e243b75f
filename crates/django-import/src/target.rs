//! The tables that are filled, and what makes a row of them the same as another.

use anyhow::Context;
use serde_json::Value;

use super::accounts::folded;
use transfer::table::Table;

/// A table that is filled, in the order in which they are: each after those that it refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Target {
    Groups,
    Users,
    Addresses,
    Lettings,
    Profiles,
    UserGroups,
    UserRights,
    GroupRights,
    Changes,
}

/// What is known of a table that is filled.
pub(super) struct Spec {
    /// Its name.
    pub(super) name: &'static str,
    /// The columns that are filled, by name; a row's values come in this order.
    pub(super) columns: &'static [&'static str],
    /// The columns by which a row is known, whatever its id.
    pub(super) natural: &'static [&'static str],
    /// What else a row tells.
    pub(super) facts: &'static [&'static str],
    /// The columns that refer to other tables.
    pub(super) refers: &'static [(&'static str, Target)],
    /// What a row is called, and several.
    pub(super) called: (&'static str, &'static str),
}

impl Target {
    pub(super) const ALL: [Self; 9] = [
        Self::Groups,
        Self::Users,
        Self::Addresses,
        Self::Lettings,
        Self::Profiles,
        Self::UserGroups,
        Self::UserRights,
        Self::GroupRights,
        Self::Changes,
    ];

    pub(super) fn spec(self) -> &'static Spec {
        match self {
            Self::Groups => &Spec {
                name: "groups",
                columns: &["id", "name"],
                natural: &["name"],
                facts: &[],
                refers: &[],
                called: ("group", "groups"),
            },
            Self::Users => &USERS,
            Self::Addresses => &ADDRESSES,
            Self::Lettings => &Spec {
                name: "lettings",
                columns: &["address_id", "id", "title"],
                natural: &["address_id", "title"],
                facts: &[],
                refers: &[("address_id", Self::Addresses)],
                called: ("letting", "lettings"),
            },
            Self::Profiles => &Spec {
                name: "profiles",
                columns: &["favorite_city", "id", "show_email", "user_id"],
                natural: &["user_id"],
                facts: &["favorite_city"],
                refers: &[("user_id", Self::Users)],
                called: ("profile", "profiles"),
            },
            Self::UserGroups => &Spec {
                name: "user_groups",
                columns: &["group_id", "user_id"],
                natural: &["group_id", "user_id"],
                facts: &[],
                refers: &[("user_id", Self::Users), ("group_id", Self::Groups)],
                called: ("membership", "memberships"),
            },
            Self::UserRights => &Spec {
                name: "user_rights",
                columns: &["code", "user_id"],
                natural: &["code", "user_id"],
                facts: &[],
                refers: &[("user_id", Self::Users)],
                called: ("right of a user", "rights of users"),
            },
            Self::GroupRights => &Spec {
                name: "group_rights",
                columns: &["code", "group_id"],
                natural: &["code", "group_id"],
                facts: &[],
                refers: &[("group_id", Self::Groups)],
                called: ("right of a group", "rights of groups"),
            },
            Self::Changes => &CHANGES,
        }
    }

    /// The table whose rows the lines of the record about this model tell of.
    pub(super) fn of_model(model: &str) -> Option<Self> {
        match model {
            "auth.group" => Some(Self::Groups),
            "auth.user" => Some(Self::Users),
            "lettings.address" => Some(Self::Addresses),
            "lettings.letting" => Some(Self::Lettings),
            "profiles.profile" => Some(Self::Profiles),
            _ => None,
        }
    }

    /// The table as the database's catalogue has it, with the columns that are filled alone.
    pub(super) fn table(self, tables: &[Table]) -> anyhow::Result<Table> {
        let spec = self.spec();
        let mut table = tables
            .iter()
            .find(|table| table.name == spec.name)
            .with_context(|| format!("the database has no table {}", spec.name))?
            .clone();
        table
            .columns
            .retain(|column| spec.columns.contains(&column.name.as_str()));
        let names: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
        anyhow::ensure!(
            names == spec.columns,
            "the table {} lacks a column: it has {names:?}",
            spec.name
        );
        Ok(table)
    }
}

const USERS: Spec = Spec {
    name: "users",
    columns: &[
        "date_joined",
        "email",
        "first_name",
        "id",
        "is_active",
        "is_staff",
        "is_superuser",
        "last_login",
        "last_name",
        "must_change_password",
        "password",
        "username",
    ],
    natural: &["username"],
    facts: &[
        "date_joined",
        "email",
        "first_name",
        "is_active",
        "is_staff",
        "is_superuser",
        "last_name",
    ],
    refers: &[],
    called: ("user", "users"),
};

const ADDRESSES: Spec = Spec {
    name: "addresses",
    columns: &[
        "city",
        "country_iso_code",
        "id",
        "number",
        "state",
        "street",
        "zip_code",
    ],
    natural: &[
        "city",
        "country_iso_code",
        "number",
        "state",
        "street",
        "zip_code",
    ],
    facts: &[],
    refers: &[],
    called: ("address", "addresses"),
};

const CHANGES: Spec = Spec {
    name: "changes",
    columns: &[
        "action",
        "changed_at",
        "id",
        "model",
        "object_id",
        "title",
        "user_id",
        "username",
        "words",
    ],
    natural: &[
        "action",
        "changed_at",
        "model",
        "object_id",
        "title",
        "username",
        "words",
    ],
    facts: &[],
    refers: &[("user_id", Target::Users)],
    called: ("line of the record", "lines of the record"),
};

impl Spec {
    /// The place of a column among a row's values.
    pub(super) fn place(&self, column: &str) -> usize {
        self.columns
            .iter()
            .position(|name| *name == column)
            .expect("the columns above name it")
    }

    /// The place of the id, if rows have one.
    pub(super) fn id_place(&self) -> Option<usize> {
        self.columns.iter().position(|name| *name == "id")
    }

    /// What an account's name looks like to those who cannot tell two notations or cases apart, in short.
    pub(super) fn look(&self, values: &[Value]) -> u128 {
        let username = values[self.place("username")].as_str().unwrap_or_default();
        super::digest::mark(&[&Value::from(folded(username))])
    }

    /// Some columns of a row, in short.
    pub(super) fn mark(&self, columns: &[&str], values: &[Value]) -> u128 {
        let picked: Vec<&Value> = columns
            .iter()
            .map(|column| &values[self.place(column)])
            .collect();
        super::digest::mark(&picked)
    }
}
