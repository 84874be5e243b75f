//! The documentation: of the code, and the book, without a link that leads nowhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::{fs, io};

use anyhow::{Context, Result, ensure};
use xshell::cmd;

use crate::machine::Machine;
use crate::{needs, tools};

#[derive(clap::Args, Default)]
pub(crate) struct Args {
    /// Only the book, without the documentation of the code.
    #[arg(long)]
    book: bool,
}

/// Builds both, the one beside the other, and follows every link.
pub(crate) fn run(machine: &Machine, args: &Args) -> Result<()> {
    if !args.book {
        code(machine)?;
    }
    let program = tools::cargo(machine, &tools::MDBOOK)?;
    machine.run(cmd!(machine.shell, "{program} build"))?;
    let book = machine.root.join("target/book");
    let pages = pages(&book)?;
    let mut faults = dead_links(&book, &pages);
    for document in machine.shell.read_dir("docs")? {
        let page = document.with_extension("html");
        let name = Path::new(page.file_name().unwrap_or_default());
        let is_document = document
            .extension()
            .is_some_and(|extension| extension == "md");
        // These two are the book's frame: its list of chapters and its first page.
        if is_document
            && !["SUMMARY.html", "README.html"]
                .map(Path::new)
                .contains(&name)
            && !pages.contains_key(name)
        {
            faults.push(format!(
                "{} is missing in docs/SUMMARY.md",
                document.display()
            ));
        }
    }
    ensure!(
        faults.is_empty(),
        "links that lead nowhere:\n{}",
        faults.join("\n")
    );
    println!(
        "{} pages in {}, and no dead link",
        pages.len(),
        book.display()
    );
    if args.book {
        return Ok(());
    }
    let (from, to) = (machine.root.join("target/doc"), book.join("code"));
    machine.run(cmd!(machine.shell, "cp --recursive {from} {to}"))
}

/// The documentation of the code, with what is private: those who read it work on it.
fn code(machine: &Machine) -> Result<()> {
    needs::require(machine, &needs::BUILD)?;
    machine.run(
        cmd!(
            machine.shell,
            "cargo doc --workspace --no-deps --locked --document-private-items"
        )
        .env("RUSTDOCFLAGS", "-D warnings"),
    )
}

/// The text of every page, by its path in the book.
fn pages(book: &Path) -> Result<BTreeMap<PathBuf, String>> {
    let mut pages = BTreeMap::new();
    let mut folders = vec![book.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "html")
            {
                let name = path.strip_prefix(book).expect("it was found in the book");
                // The page of all pages repeats the others' links, and that of missing ones is shown at any address.
                if !["404.html", "print.html"].map(Path::new).contains(&name) {
                    pages.insert(name.to_owned(), fs::read_to_string(&path)?);
                }
            }
        }
    }
    Ok(pages)
}

fn dead_links(book: &Path, pages: &BTreeMap<PathBuf, String>) -> Vec<String> {
    let mut faults = Vec::new();
    for (page, text) in pages {
        for link in links(text) {
            if let Err(why) = follow(book, pages, page, link) {
                faults.push(format!("{}: {link} ({why})", page.display()));
            }
        }
    }
    faults
}

/// Every link of a page that stays in the book, once.
fn links(text: &str) -> BTreeSet<&str> {
    let values = ["href=\"", "src=\""]
        .into_iter()
        .flat_map(|start| text.split(start).skip(1))
        .filter_map(|rest| rest.split('"').next());
    let is_ours = |link: &&str| {
        !link.is_empty()
            && !link.contains("://")
            && !link.starts_with("mailto:")
            && !link.starts_with("data:")
    };
    values.filter(is_ours).collect()
}

fn follow(
    book: &Path,
    pages: &BTreeMap<PathBuf, String>,
    page: &Path,
    link: &str,
) -> Result<(), &'static str> {
    let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() {
        page.to_owned()
    } else {
        beside(page, path).ok_or("it leaves the book")?
    };
    let Some(text) = pages.get(&target) else {
        let is_there = |path: &Path| fs::metadata(path).map(|about| about.is_file());
        return match is_there(&book.join(&target)) {
            Ok(true) => Ok(()),
            Ok(false) => Err("that is a folder"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err("there is no such file"),
            Err(_) => Err("that file cannot be read"),
        };
    };
    let has_place = fragment.is_empty() || text.contains(&format!("id=\"{fragment}\""));
    has_place.then_some(()).ok_or("that page has no such place")
}

/// The path that a link on a page leads to; `None` when it leads out of the book.
fn beside(page: &Path, link: &str) -> Option<PathBuf> {
    let mut path = page.parent()?.to_owned();
    for part in Path::new(link).components() {
        match part {
            Component::ParentDir => {
                if !path.pop() {
                    return None;
                }
            }
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_lead_nowhere_are_found() -> Result<()> {
        let book = tempfile::tempdir()?;
        fs::create_dir(book.path().join("sub"))?;
        fs::write(book.path().join("style.css"), "")?;
        fs::write(
            book.path().join("index.html"),
            "<h1 id=\"top\"><a href=\"#top\"><a href=\"#gone\"><link href=\"style.css\"><img src=\"no.svg\">\
             <a href=\"sub/a.html#here\"><a href=\"../README.md\"><a href=\"https://example.org/gone\">",
        )?;
        fs::write(
            book.path().join("sub/a.html"),
            "<p id=\"here\"><a href=\"../index.html#nothing\"><a href=\"../index.html\">",
        )?;

        let faults = dead_links(book.path(), &pages(book.path())?);

        assert_eq!(
            faults,
            [
                "index.html: #gone (that page has no such place)",
                "index.html: ../README.md (it leaves the book)",
                "index.html: no.svg (there is no such file)",
                "sub/a.html: ../index.html#nothing (that page has no such place)",
            ]
        );
        Ok(())
    }
}
