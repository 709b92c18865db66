//! The methods of the public API, read from its sources.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Where rows are read and written from.
const PLACES: &[&str] = &["query", "relation", "page", "repository", "plugin", "rls", "dal.rs"];

/// `Type::method` of all public methods, `Trait::method` of the traits that are about repositories. What macros make for
/// relations is `Relation::method`.
///
/// # Panics
///
/// If the sources are not where they were.
pub fn surface() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../kysera/src");
    let mut found = BTreeSet::new();
    for place in PLACES {
        scan(&root.join(place), &mut found);
    }
    assert!(found.len() > 100, "the sources are not where they were: {found:?}");
    found
}

fn scan(path: &Path, found: &mut BTreeSet<String>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            scan(&entry.unwrap().path(), found);
        }
        return;
    }
    let text = fs::read_to_string(path).unwrap();
    let stem = path.file_stem().unwrap().to_str().unwrap();
    let mut owner: Option<&str> = None;
    let mut is_trait = false;
    let mut hidden = false;
    for line in text.lines() {
        let word = line.trim_start();
        let was_hidden = std::mem::replace(&mut hidden, word.starts_with("#[doc(hidden)]"));
        let indent = line.len() - word.len();
        if indent == 0 {
            if let Some(head) = word.strip_prefix("impl") {
                (owner, is_trait) = (inherent(head), false);
            } else if let Some(head) = word.strip_prefix("pub trait ") {
                let name = ident(head);
                let is_repository = name == "Repository" || head.contains(": Repository");
                (owner, is_trait) = (is_repository.then_some(name), true);
            } else if word.starts_with("macro_rules!") {
                (owner, is_trait) = (Some("Relation"), false);
            } else if let Some(name) = function(word).filter(|_| stem == "dal") {
                found.insert(format!("dal::{}", ident(name)));
            } else if word.starts_with('}') {
                owner = None;
            }
            continue;
        }
        let Some(owner) = owner else { continue };
        let name = if is_trait && indent == 4 { word.strip_prefix("fn ") } else { function(word) };
        if let Some(name) = name.filter(|_| !was_hidden) {
            found.insert(format!("{owner}::{}", ident(name)));
        }
    }
}

fn function(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("pub ")?;
    let rest = rest.strip_prefix("const ").unwrap_or(rest);
    rest.strip_prefix("async ").unwrap_or(rest).strip_prefix("fn ")
}

fn ident(text: &str) -> &str {
    text.split(|char: char| !(char.is_alphanumeric() || char == '_')).next().unwrap_or_default()
}

/// The type of an `impl` that is of no trait.
fn inherent(head: &str) -> Option<&str> {
    if head.contains(" for ") {
        return None;
    }
    let mut depth = 0_usize;
    let mut rest = head;
    if head.starts_with('<') {
        for (at, char) in head.char_indices() {
            match char {
                '<' => depth += 1,
                '>' if !head[..at].ends_with('-') => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                rest = &head[at + 1..];
                break;
            }
        }
    }
    Some(ident(rest.trim_start()))
}
