//! `backup`, `verify`, `restore` and `copy` on the command line, with pipes and read-only storage.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Result;

use super::program::Program;

fn files(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

#[test]
fn a_backup_can_be_piped_into_a_new_private_database() -> Result<()> {
    let program = Program::new()?;
    program.run(&["demo"])?;

    let run =
        program.shell("$0 backup - | gunzip | DATABASE_URL=sqlite://new.sqlite3 $0 restore -")?;

    run.assert_succeeded();
    assert!(!program.folder().join("-").exists());
    // The second names: FirebirdSQL/firebird-documentation#93, codenotary/immudb#1092.
    for (output, input) in [("-", "-"), ("/dev/stdout", "/dev/stdin")] {
        let script =
            format!("DATABASE_URL=sqlite://new.sqlite3 $0 backup {output} | $0 verify {input}");
        let verified = program.shell(&script)?;
        verified.assert_succeeded();
    }
    Ok(())
}

#[test]
fn a_failed_restore_or_import_leaves_no_database() -> Result<()> {
    for script in [
        "$0 restore - < /dev/null",
        "$0 import-django - < /dev/null",
        "echo notes | $0 restore -",
        "echo notes | $0 import-django -",
        "$0 restore /dev/null",
    ] {
        let program = Program::new()?;

        let run = program.shell(script)?;

        assert_eq!(run.code, Some(1), "{script}: {}", run.errors);
        assert!(
            run.errors.starts_with("error: "),
            "{script}: {}",
            run.errors
        );
        assert!(files(program.folder())?.is_empty(), "{script}");
    }
    // rdiff-backup/rdiff-backup#624, FreePBX/issue-tracker#879, vmware-archive/cfops#55.
    let run = Program::new()?.shell("echo notes | TMPDIR=/nowhere $0 restore -")?;
    run.assert_failed("could not copy it to /nowhere (TMPDIR)");
    Ok(())
}

#[test]
fn a_database_on_read_only_storage_can_be_backed_up_and_copied() -> Result<()> {
    let program = Program::new()?;
    program.run(&["demo"])?;
    let storage = program.folder().join("storage");
    fs::create_dir(&storage)?;
    let file = storage.join("site.sqlite3");
    fs::rename(program.folder().join("oc-lettings.sqlite3"), &file)?;
    fs::set_permissions(&file, Permissions::from_mode(0o444))?;
    fs::set_permissions(&storage, Permissions::from_mode(0o555))?;

    let backup = program.shell("DATABASE_URL=sqlite://storage/site.sqlite3 $0 backup a.backup")?;
    let copy =
        program.shell("$0 copy --from sqlite://storage/site.sqlite3 --to sqlite://new.sqlite3")?;

    backup.assert_succeeded();
    copy.assert_succeeded();
    fs::set_permissions(&storage, Permissions::from_mode(0o755))?;
    Ok(())
}
