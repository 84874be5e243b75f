//! Free space on the disk of a database.

use std::fmt;
use std::io;
use std::path::Path;

/// Minimum free space (bytes)…
const MINIMUM: u64 = 64 << 20;
/// …or this fraction of a small disk.
const MINIMUM_FRACTION: u64 = 20;

/// Space on a disk that processes without root privileges can use.
#[derive(Debug, Clone, Copy)]
pub struct DiskSpace {
    free: u64,
    total: u64,
}

impl DiskSpace {
    /// Space on the disk of a file or folder.
    pub fn at(path: &Path) -> io::Result<Self> {
        let disk = rustix::fs::statvfs(path)?;
        Ok(Self {
            free: disk.f_bavail.saturating_mul(disk.f_frsize),
            total: disk.f_blocks.saturating_mul(disk.f_frsize),
        })
    }

    /// Minimum free space (bytes).
    pub fn minimum(self) -> u64 {
        MINIMUM.min(self.total / MINIMUM_FRACTION)
    }

    /// Whether the free space is at least the minimum.
    pub fn is_enough(self) -> bool {
        self.free >= self.minimum()
    }
}

impl fmt::Display for DiskSpace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (free, minimum) = (self.free >> 20, self.minimum() >> 20);
        write!(out, "{free} MiB free, at least {minimum} MiB are needed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIBIBYTE: u64 = 1 << 30;

    #[test]
    fn a_large_disk_needs_64_mebibytes_and_a_small_one_a_twentieth() {
        let enough = |free, total| DiskSpace { free, total }.is_enough();

        assert!(enough(MINIMUM, 100 * GIBIBYTE));
        assert!(!enough(MINIMUM - 1, 100 * GIBIBYTE));
        assert!(enough(1 << 20, 20 << 20));
        assert!(!enough((1 << 20) - 1, 20 << 20));
    }

    #[test]
    fn only_an_existing_folder_has_a_disk() -> io::Result<()> {
        let folder = tempfile::tempdir()?;

        let space = DiskSpace::at(folder.path())?;

        assert!(space.total > 0 && space.free <= space.total);
        assert!(DiskSpace::at(&folder.path().join("nowhere")).is_err());
        Ok(())
    }
}
