//! How much room a disk has left.

use std::fmt;
use std::io;
use std::path::Path;

/// The least that must be left (bytes)…
const LEAST: u64 = 64 << 20;

/// …or this part of a disk on which that would be much.
const LEAST_PART: u64 = 20;

/// What is left of a disk, for whoever is not the superuser.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    free: u64,
    total: u64,
}

impl Room {
    /// Of the disk that holds a folder.
    pub(crate) fn at(folder: &Path) -> io::Result<Self> {
        let disk = rustix::fs::statvfs(folder)?;
        Ok(Self {
            free: disk.f_bavail.saturating_mul(disk.f_frsize),
            total: disk.f_blocks.saturating_mul(disk.f_frsize),
        })
    }

    /// What must be left at least (bytes).
    pub(crate) fn least(self) -> u64 {
        LEAST.min(self.total / LEAST_PART)
    }

    /// Whether enough is left to go on writing for a while.
    pub(crate) fn is_enough(self) -> bool {
        self.free >= self.least()
    }
}

impl fmt::Display for Room {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mebibytes = |bytes: u64| bytes >> 20;
        write!(
            out,
            "{} MiB free, at least {} MiB are needed",
            mebibytes(self.free),
            mebibytes(self.least())
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIBIBYTE: u64 = 1 << 30;

    #[test]
    fn a_large_disk_needs_64_mebibytes_and_a_small_one_a_twentieth() {
        let enough = |free, total| Room { free, total }.is_enough();

        assert!(enough(LEAST, 100 * GIBIBYTE));
        assert!(!enough(LEAST - 1, 100 * GIBIBYTE));
        assert!(enough(1 << 20, 20 << 20));
        assert!(!enough((1 << 20) - 1, 20 << 20));
    }

    #[test]
    fn a_folder_lies_on_some_disk_and_nothing_lies_on_none() -> io::Result<()> {
        let folder = tempfile::tempdir()?;

        let room = Room::at(folder.path())?;

        assert!(room.total > 0 && room.free <= room.total);
        assert!(Room::at(&folder.path().join("nowhere")).is_err());
        Ok(())
    }
}
