//! Import cycles between the modules of a crate. Which crate may use which is in `deny.toml`.
//!
//! At every level of the module tree, the modules beside each other (and the code of their parent) form a graph: an
//! edge means that something in one names something that is defined in the other. Unit tests don't count.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, ensure};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::context::Context;

/// Fails with every edge of a cycle.
pub(crate) fn run(context: &Context) -> Result<()> {
    let mut cycles = BTreeSet::new();
    for folder in [context.root.clone(), context.root.join("crates")] {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            for root in ["src/lib.rs", "src/main.rs"].map(|file| entry.path().join(file)) {
                if root.exists() {
                    let name = entry.file_name();
                    cycles.extend(Crate::read(&name.to_string_lossy(), &root)?.cycles());
                }
            }
        }
    }
    let cycles: Vec<_> = cycles.into_iter().collect();
    let lines = cycles.join("\n");
    ensure!(cycles.is_empty(), "import cycles between modules:\n{lines}");
    Ok(())
}

/// Names from the root of a crate on; a module's own path, or that of an item in it.
type ModulePath = Vec<String>;

/// The modules of a crate and what their code names.
#[derive(Default)]
struct Crate {
    name: String,
    modules: BTreeMap<ModulePath, Module>,
}

#[derive(Default)]
struct Module {
    /// Every path in the code, as written.
    paths: Vec<ModulePath>,
    /// What `use` gives a name here, as written.
    imports: BTreeMap<String, ModulePath>,
    /// What `use …::*` opens, as written.
    globs: Vec<ModulePath>,
}

impl Crate {
    fn read(name: &str, root: &Path) -> Result<Self> {
        let mut krate = Self {
            name: name.to_owned(),
            ..Self::default()
        };
        let folder = root.parent().context("a file is in a folder")?;
        krate.read_file(&[], root, folder)?;
        Ok(krate)
    }

    /// Reads a module and those that it declares, whose files are in `folder`.
    fn read_file(&mut self, path: &[String], file: &Path, folder: &Path) -> Result<()> {
        let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let tokens = text
            .parse()
            .map_err(|error| anyhow!("{}: {error}", file.display()))?;
        self.read_module(path, tokens, folder)
    }

    fn read_module(&mut self, path: &[String], tokens: TokenStream, folder: &Path) -> Result<()> {
        self.modules.insert(path.to_owned(), Module::default());
        self.read_code(path, tokens, folder)
    }

    /// Reads code of a module, at any depth.
    fn read_code(&mut self, path: &[String], tokens: TokenStream, folder: &Path) -> Result<()> {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let mut rest = tokens.as_slice();
        while let Some(token) = rest.first() {
            if is_test_attribute(rest) {
                rest = after_item(rest);
            } else if is_ident(token, "mod")
                && let [_, TokenTree::Ident(name), body, ..] = rest
            {
                let name = name.to_string();
                let folder = folder.join(&name);
                let child = [path, &[name]].concat();
                match body {
                    TokenTree::Group(body) => self.read_module(&child, body.stream(), &folder)?,
                    _ if folder.with_extension("rs").exists() => {
                        self.read_file(&child, &folder.with_extension("rs"), &folder)?;
                    }
                    _ => self.read_file(&child, &folder.join("mod.rs"), &folder)?,
                }
                rest = &rest[3..];
            } else if let TokenTree::Group(group) = token {
                self.read_code(path, group.stream(), folder)?;
                rest = &rest[1..];
            } else {
                let module = self.modules.get_mut(path).expect("read_module inserts it");
                rest = module.read_words(rest);
            }
        }
        Ok(())
    }

    /// The module that a path leads to from another one, and whether the path names an item in it. `None` for other
    /// crates and local names.
    fn resolve(&self, from: &[String], path: &[String], depth: u8) -> Option<(ModulePath, bool)> {
        let (first, rest) = path.split_first()?;
        let (mut module, rest) = match first.as_str() {
            "crate" => (Vec::new(), rest),
            "self" => (from.to_vec(), rest),
            "super" => {
                let supers = path.iter().take_while(|name| *name == "super").count();
                (
                    from[..from.len().checked_sub(supers)?].to_vec(),
                    &path[supers..],
                )
            }
            _ => (from.to_vec(), path),
        };
        let is_relative = rest.len() == path.len();
        for (index, name) in rest.iter().enumerate() {
            module.push(name.clone());
            if self.modules.contains_key(&module) {
                continue;
            }
            module.pop();
            let here = self.modules.get(&module)?;
            if let Some(import) = here
                .imports
                .get(name)
                .filter(|import| **import != path && depth < 9)
            {
                let full = [import, &rest[index + 1..]].concat();
                return self.resolve(&module, &full, depth + 1);
            }
            // A local name, one from another crate or one from the prelude.
            if is_relative && index == 0 {
                return None;
            }
            let mut opened = here
                .globs
                .iter()
                .filter_map(|glob| self.resolve(&module, glob, depth + 1));
            return Some((opened.next().map_or(module, |(opened, _)| opened), true));
        }
        Some((module, false))
    }

    /// The edges that are part of a cycle, at every level.
    fn cycles(&self) -> BTreeSet<String> {
        let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (from, module) in &self.modules {
            let opened = module.globs.iter().map(|path| (path, true));
            let named = module.paths.iter().map(|path| (path, false)).chain(opened);
            let targets = named.filter_map(|(path, is_glob)| {
                let (to, is_item) = self.resolve(from, path, 0)?;
                ((is_item || is_glob) && to != *from).then_some(to)
            });
            for to in targets {
                let common = from
                    .iter()
                    .zip(&to)
                    .take_while(|(from, to)| from == to)
                    .count();
                let node = |path: &[String]| {
                    let last = path.get(common).map_or("(itself)", String::as_str);
                    let parents = std::iter::once(&self.name).chain(&path[..common]);
                    let parents: Vec<_> = parents.map(String::as_str).collect();
                    format!("{}::{last}", parents.join("::"))
                };
                edges.entry(node(from)).or_default().insert(node(&to));
            }
        }
        let mut cycles = BTreeSet::new();
        for (from, targets) in &edges {
            for to in targets {
                if reaches(&edges, to, from) {
                    cycles.insert(format!("{from} -> {to}"));
                }
            }
        }
        cycles
    }
}

impl Module {
    /// Reads a `use`, a path or another token, and returns what follows it.
    fn read_words<'a>(&mut self, tokens: &'a [TokenTree]) -> &'a [TokenTree] {
        match &tokens[0] {
            token if is_ident(token, "use") => {
                let end = tokens.iter().position(|token| is_punct(token, ';'));
                let (imported, rest) = tokens.split_at(end.unwrap_or(tokens.len()));
                self.read_use(&[], &imported[1..]);
                rest
            }
            TokenTree::Ident(_) => {
                let (path, rest) = path(tokens);
                self.paths.push(path);
                rest
            }
            _ => &tokens[1..],
        }
    }

    fn read_use(&mut self, prefix: &[String], tree: &[TokenTree]) {
        let (names, rest) = path(tree);
        let mut full = [prefix, &names].concat();
        match rest.iter().find(|token| !is_punct(token, ':')) {
            Some(TokenTree::Group(group)) => {
                let branches: Vec<_> = group.stream().into_iter().collect();
                for branch in branches
                    .split(|token| is_punct(token, ','))
                    .filter(|branch| !branch.is_empty())
                {
                    self.read_use(&full, branch);
                }
            }
            Some(TokenTree::Punct(_)) => {
                self.globs.push(full);
            }
            alias => {
                if full.len() > 1 && full.last().is_some_and(|name| name == "self") {
                    full.pop();
                }
                let name = match (alias, rest.last()) {
                    (Some(_), Some(TokenTree::Ident(name))) => name.to_string(),
                    _ => full.last().cloned().unwrap_or_default(),
                };
                self.paths.push(full.clone());
                self.imports.insert(name, full);
            }
        }
    }
}

/// The names at the start, as far as `::` joins them, and what follows.
fn path(mut tokens: &[TokenTree]) -> (ModulePath, &[TokenTree]) {
    let mut names = Vec::new();
    while let [TokenTree::Ident(name), rest @ ..] = tokens {
        names.push(name.to_string());
        tokens = rest;
        match rest {
            [a, b, next @ ..]
                if is_punct(a, ':')
                    && is_punct(b, ':')
                    && matches!(next.first(), Some(TokenTree::Ident(_))) =>
            {
                tokens = next;
            }
            _ => break,
        }
    }
    (names, tokens)
}

/// Whether `#[cfg(test)]` or the like is next.
fn is_test_attribute(tokens: &[TokenTree]) -> bool {
    let [hash, TokenTree::Group(attribute), ..] = tokens else {
        return false;
    };
    let text = attribute.stream().to_string();
    is_punct(hash, '#') && text.starts_with("cfg") && text.contains("test") && !text.contains("not")
}

/// What follows the item that starts here: it ends with `;` or a block.
fn after_item(tokens: &[TokenTree]) -> &[TokenTree] {
    let is_end = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        token => is_punct(token, ';'),
    };
    let end = tokens.iter().position(is_end);
    &tokens[end.map_or(tokens.len(), |end| end + 1)..]
}

fn is_punct(token: &TokenTree, char: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == char)
}

fn is_ident(token: &TokenTree, name: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == name)
}

fn reaches(edges: &BTreeMap<String, BTreeSet<String>>, from: &str, to: &str) -> bool {
    let mut open = vec![from];
    let mut seen = BTreeSet::new();
    while let Some(node) = open.pop() {
        if node == to {
            return true;
        }
        if seen.insert(node) {
            open.extend(edges.get(node).into_iter().flatten().map(String::as_str));
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cycles(files: &[(&str, &str)]) -> Result<Vec<String>> {
        let folder = tempfile::tempdir()?;
        for (name, text) in files {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().context("it is in a folder")?)?;
            fs::write(file, text)?;
        }
        let krate = Crate::read("site", &folder.path().join("lib.rs"))?;
        Ok(krate.cycles().into_iter().collect())
    }

    #[test]
    fn modules_that_name_each_other_are_a_cycle() -> Result<()> {
        let found = cycles(&[
            ("lib.rs", "mod a; mod b; pub use a::Letting;"),
            ("a.rs", "pub struct Letting; fn f() { crate::b::g() }"),
            (
                "b.rs",
                "use crate::Letting; pub fn g() -> Letting { Letting }",
            ),
        ])?;

        assert_eq!(found, ["site::a -> site::b", "site::b -> site::a"]);
        Ok(())
    }

    #[test]
    fn a_parent_and_its_child_are_a_cycle_if_both_name_each_other() -> Result<()> {
        let found = cycles(&[
            ("lib.rs", "mod list;"),
            (
                "list/mod.rs",
                "mod query; fn show() { query::parse() } struct State;",
            ),
            (
                "list/query.rs",
                "use super::{self as list}; pub fn parse(_: list::State) {}",
            ),
        ])?;

        assert_eq!(
            found,
            [
                "site::list::(itself) -> site::list::query",
                "site::list::query -> site::list::(itself)"
            ]
        );
        Ok(())
    }

    #[test]
    fn folders_count_as_a_whole() -> Result<()> {
        let found = cycles(&[
            (
                "lib.rs",
                "mod a { pub mod x { use crate::b::y::Y; } pub mod z { pub struct Z; } } mod b;",
            ),
            ("b/mod.rs", "pub mod y; mod v;"),
            ("b/y.rs", "pub struct Y;"),
            ("b/v.rs", "use crate::a::z::*;"),
        ])?;

        assert_eq!(found, ["site::a -> site::b", "site::b -> site::a"]);
        Ok(())
    }

    #[test]
    fn tests_comments_and_reexports_of_siblings_are_no_cycle() -> Result<()> {
        let found = cycles(&[
            ("lib.rs", "mod a; mod b; pub use {a::A, b::B};"),
            (
                "a.rs",
                "// crate::b::B\npub struct A; #[cfg(test)] mod tests { use crate::b::B; }",
            ),
            ("b.rs", "use crate::A; pub struct B(A);"),
        ])?;

        assert!(found.is_empty(), "{found:?}");
        Ok(())
    }
}
