//! Whether a SQLite file lies where it will still be tomorrow. In a container it easily does not.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use oc_core::DatabaseUrl;

use crate::config::{Config, Environment};

/// Logs a warning for a place that forgets, and for one that cannot be written.
pub(super) fn warn(config: &Config) {
    let (Environment::Production, DatabaseUrl::Sqlite(file)) =
        (config.environment, &config.database_url)
    else {
        return;
    };
    let folder = folder(file);
    if let Some(why) = refusal(&folder, file) {
        log::warn!("{why}");
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    if let Some(what) = forgetful(&mounts, &folder) {
        log::warn!(
            "the database {} will be LOST with this container: {} is {what}. Keep it in a volume with a name, \
             `--volume oc-lettings-data:{1}`, or in a folder of user {user}, `install -d -o {user} -g {user} FOLDER` \
             and `--volume FOLDER:{1}`; or set DATABASE_URL to a PostgreSQL server",
            file.display(),
            folder.display(),
            user = user(),
        );
    }
}

/// The folder of a file, with its links followed.
fn folder(file: &Path) -> PathBuf {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
}

/// Why the file cannot be written, its owner, and the command that helps.
fn refusal(folder: &Path, file: &Path) -> Option<String> {
    let written = if file.exists() {
        OpenOptions::new().append(true).open(file).map(drop)
    } else {
        Ok(())
    };
    let (place, error) = match (tempfile::tempfile_in(folder), written) {
        (Err(error), _) => (folder, error),
        (_, Err(error)) => (file, error),
        _ => return None,
    };
    let owner = match fs::metadata(place) {
        Ok(about) => format!(
            "belongs to user {} and group {} with mode {:o}",
            about.uid(),
            about.gid(),
            about.mode() & 0o7777
        ),
        Err(_) => "does not exist".to_owned(),
    };
    Some(format!(
        "{} cannot be written ({error}): it {owner}, and this program runs as user {user}. \
         `chown -R {user}:{user} FOLDER` helps, on the folder that is mounted at {}",
        place.display(),
        folder.display(),
        user = user(),
    ))
}

/// The user that this process runs as; Linux shows the process as a folder of that user.
fn user() -> u32 {
    fs::metadata("/proc/self").map_or(0, |about| about.uid())
}

/// What kind of place that forgets a folder lies on, by the kernel's list of mounts (`man 5 proc`).
fn forgetful(mounts: &str, folder: &Path) -> Option<&'static str> {
    let mount = |line: &str| -> Option<(PathBuf, &'static str)> {
        let (place, source) = line.split_once(" - ")?;
        let mut place = place.split(' ').skip(3);
        let (root, point) = (place.next()?, place.next()?);
        let what = match source.split(' ').next()? {
            "overlay" | "aufs" => "part of the container itself",
            "ramfs" | "tmpfs" => "in memory",
            _ if is_nameless(root) => "a volume without a name",
            _ => "",
        };
        Some((PathBuf::from(point), what))
    };
    mounts
        .lines()
        .filter_map(mount)
        .filter(|(point, _)| folder.starts_with(point))
        // Of mounts at one place, the last lies on top.
        .max_by_key(|(point, _)| point.components().count())
        .map(|(_, what)| what)
        .filter(|what| !what.is_empty())
}

/// Engines make up 64 hexadecimal digits for a volume that nobody named, and remove it with its container.
fn is_nameless(root: &str) -> bool {
    let name = root
        .strip_suffix("/_data")
        .and_then(|path| path.rsplit_once("/volumes/"));
    name.is_some_and(|(_, name)| {
        name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mounts(data: &str) -> String {
        format!(
            "22 1 0:40 / / rw,relatime master:1 - overlay overlay rw\n\
             23 22 0:41 / /proc rw - proc proc rw\n\
             {data}"
        )
    }

    #[test]
    fn a_place_that_forgets_is_known_by_its_mount() {
        let nameless = format!("/var/lib/docker/volumes/{}/_data", "a1".repeat(32));
        for (data, expected) in [
            (String::new(), Some("part of the container itself")),
            (
                "24 22 0:42 / /data rw - tmpfs tmpfs rw".to_owned(),
                Some("in memory"),
            ),
            (
                format!("24 22 8:1 {nameless} /data rw - ext4 /dev/sda1 rw"),
                Some("a volume without a name"),
            ),
            (
                "24 22 8:1 /var/lib/docker/volumes/oc/_data /data rw - ext4 /dev/sda1 rw"
                    .to_owned(),
                None,
            ),
            (
                "24 22 8:1 /srv/oc /data rw - ext4 /dev/sda1 rw".to_owned(),
                None,
            ),
        ] {
            assert_eq!(
                forgetful(&mounts(&data), Path::new("/data")),
                expected,
                "{data}"
            );
        }
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_told_with_owner_and_command() {
        // Nobody makes files there, not even the superuser.
        let folder = Path::new("/proc");

        let told = refusal(folder, &folder.join("oc.sqlite3")).unwrap_or_default();

        for words in [
            "/proc cannot be written",
            "belongs to user 0",
            "runs as user",
            "`chown -R ",
        ] {
            assert!(told.contains(words), "{told}");
        }
    }

    #[test]
    fn a_folder_that_can_be_written_is_fine() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;

        assert_eq!(
            refusal(folder.path(), &folder.path().join("oc.sqlite3")),
            None
        );
        Ok(())
    }
}
