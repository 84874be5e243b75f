//! Files for secrets that other programs read. They have no name in any folder, so that nothing remains of them when
//! this program ends, however it ends.

use std::fs::{File, Permissions};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process;

use anyhow::{Context as _, Result};

/// A secret in a file without a name, readable for this user only.
pub(crate) struct SecretFile(File);

impl SecretFile {
    pub(crate) fn new(secret: &str) -> Result<Self> {
        let mut file = tempfile::tempfile().context("could not create a temporary file")?;
        // ssh rejects keys that others could read.
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(secret.as_bytes())?;
        Ok(Self(file))
    }

    /// Where other programs find it, as long as the value lives.
    pub(crate) fn path(&self) -> PathBuf {
        format!("/proc/{}/fd/{}", process::id(), self.0.as_raw_fd()).into()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn other_programs_can_read_it_until_it_is_dropped() -> Result<()> {
        let file = SecretFile::new("hunter2")?;
        let path = file.path();

        assert_eq!(fs::read_to_string(&path)?, "hunter2");
        assert_eq!(fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
        drop(file);
        assert!(fs::read_to_string(&path).is_err());
        Ok(())
    }
}
