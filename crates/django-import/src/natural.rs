//! What a dump names by natural keys: looked up when all of it is there.

use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;

use super::file::quoted;

/// Puts ids in the place of natural keys, and gives ids to what has none.
pub(super) fn resolve<'a>(
    conn: &mut SqliteConnection,
    tables: impl Iterator<Item = &'a String>,
) -> anyhow::Result<()> {
    number(conn, "django_content_type", &["app_label", "model"])?;
    number(conn, "auth_group", &["name"])?;
    number(conn, "auth_user", &["username"])?;
    conn.batch_execute(ADD_NAMED)?;
    look_up(conn, "auth_permission", "content_type_id", TYPE)?;
    number(conn, "auth_permission", &["codename", "content_type_id"])?;
    look_up(conn, "django_admin_log", "content_type_id", TYPE)?;
    look_up(conn, "django_admin_log", "user_id", USER_NAME)?;
    for (table, column) in [
        ("auth_user_groups", "user_id"),
        ("auth_user_user_permissions", "user_id"),
    ] {
        look_up(conn, table, column, USER_NAME)?;
    }
    for (table, column) in [
        ("auth_user_groups", "group_id"),
        ("auth_group_permissions", "group_id"),
    ] {
        look_up(conn, table, column, GROUP_NAME)?;
    }
    for table in ["auth_user_user_permissions", "auth_group_permissions"] {
        look_up(conn, table, "permission_id", PERMISSION)?;
    }
    for table in tables {
        if table.ends_with("_profile") {
            look_up(conn, table, "user_id", USER_NAME)?;
        }
        number(conn, table, &[])?;
    }
    Ok(())
}

/// Gives ids to rows that have none, after the largest that there is, and makes rows quick to find.
fn number(conn: &mut SqliteConnection, table: &str, keys: &[&str]) -> anyhow::Result<()> {
    let name = quoted(table);
    conn.batch_execute(&format!(
        "UPDATE {name} SET id = CAST(CAST(rowid + (SELECT coalesce(max(CAST(CAST(id AS TEXT) AS INTEGER)), 0) FROM {name}) \
         AS TEXT) AS BLOB) WHERE id IS NULL; \
         CREATE INDEX IF NOT EXISTS {index} ON {name} (id);",
        index = quoted(&format!("{table}_by_id"))
    ))?;
    if !keys.is_empty() {
        conn.batch_execute(&format!(
            "CREATE INDEX {} ON {name} ({})",
            quoted(&format!("{table}_by_key")),
            keys.join(", ")
        ))?;
    }
    Ok(())
}

/// Puts ids in the place of natural keys; what is not found stays as it is written.
fn look_up(
    conn: &mut SqliteConnection,
    table: &str,
    column: &str,
    lookup: &str,
) -> anyhow::Result<()> {
    let lookup = lookup.replace("KEY", &format!("CAST({column} AS TEXT)"));
    conn.batch_execute(&format!(
        "UPDATE {} SET {column} = coalesce(({lookup}), {column}) \
         WHERE substr({column}, 1, 1) = x'5b' AND json_valid(CAST({column} AS TEXT))",
        quoted(table)
    ))?;
    Ok(())
}

const USER_NAME: &str = "SELECT id FROM auth_user WHERE username = CAST(KEY ->> '$[0]' AS BLOB)";
const GROUP_NAME: &str = "SELECT id FROM auth_group WHERE name = CAST(KEY ->> '$[0]' AS BLOB)";
const TYPE: &str = "SELECT id FROM django_content_type \
    WHERE app_label = CAST(KEY ->> '$[0]' AS BLOB) AND model = CAST(KEY ->> '$[1]' AS BLOB)";
const PERMISSION: &str = "SELECT p.id FROM auth_permission AS p JOIN django_content_type AS c ON c.id = p.content_type_id \
    WHERE p.codename = CAST(KEY ->> '$[0]' AS BLOB) AND c.app_label = CAST(KEY ->> '$[1]' AS BLOB) \
    AND c.model = CAST(KEY ->> '$[2]' AS BLOB)";

/// Makes rows of the content types and permissions that are named by their natural keys alone.
const ADD_NAMED: &str = "\
    CREATE TEMP TABLE named AS \
        SELECT DISTINCT CAST(permission_id AS TEXT) AS key FROM \
            (SELECT permission_id FROM auth_user_user_permissions UNION SELECT permission_id FROM auth_group_permissions) \
        WHERE substr(permission_id, 1, 1) = x'5b'; \
    CREATE TEMP TABLE types AS \
        SELECT CAST(key ->> '$[1]' AS BLOB) AS app, CAST(key ->> '$[2]' AS BLOB) AS model FROM named \
        UNION SELECT CAST(key ->> '$[0]' AS BLOB), CAST(key ->> '$[1]' AS BLOB) FROM \
            (SELECT DISTINCT CAST(content_type_id AS TEXT) AS key FROM \
                (SELECT content_type_id FROM django_admin_log UNION SELECT content_type_id FROM auth_permission) \
             WHERE substr(content_type_id, 1, 1) = x'5b'); \
    INSERT INTO django_content_type (id, app_label, model) \
        SELECT CAST(CAST(row_number() OVER () + (SELECT coalesce(max(CAST(CAST(id AS TEXT) AS INTEGER)), 0) \
            FROM django_content_type) AS TEXT) AS BLOB), app, model FROM types \
        WHERE NOT EXISTS (SELECT 1 FROM django_content_type AS c WHERE c.app_label = types.app AND c.model = types.model); \
    INSERT INTO auth_permission (codename, content_type_id, name) \
        SELECT CAST(key ->> '$[0]' AS BLOB), (SELECT c.id FROM django_content_type AS c \
            WHERE c.app_label = CAST(key ->> '$[1]' AS BLOB) AND c.model = CAST(key ->> '$[2]' AS BLOB)), x'' FROM named;";
