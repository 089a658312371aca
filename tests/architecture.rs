//! Imports go down: what may import from what, read from the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The storeys of `src/run`, the lowest one first.
const STOREYS: [&str; 4] = ["facts", "job", "engine", "drive"];

/// As long as a file may be.
const LINES: usize = 400;

const ROOT: &str = "src/lib.rs";

#[test]
fn storeys_import_only_from_those_below() {
    let sources = Sources::read();
    let mut wrong = Vec::new();
    for (from, to) in sources.imports() {
        let (Some(own), false) = (storey(from), to == ROOT) else { continue };
        let allowed = match storey(to) {
            Some(other) => other <= own && !to.ends_with("/mod.rs"),
            None => to == "src/orchestrator/mod.rs",
        };
        if !allowed {
            wrong.push(format!("{from} imports from {to}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "not from a file of its own storey or of one below:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn nothing_in_the_run_is_imported_through_the_root() {
    let sources = Sources::read();
    let wrong: BTreeSet<_> = sources
        .imports()
        .filter(|(from, to)| from.starts_with("src/run/") && *to == ROOT)
        .map(|(from, _)| from)
        .collect();
    assert!(
        wrong.is_empty(),
        "the core is imported as `crate::orchestrator`, but not in {wrong:#?}"
    );
}

#[test]
fn no_files_import_in_a_circle() {
    let sources = Sources::read();
    let looked_at = |file: &str| file != ROOT;
    let mut below: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (from, to) in sources.imports().filter(|(from, to)| looked_at(from) && looked_at(to)) {
        below.entry(from).or_default().insert(to);
    }
    let mut done = BTreeSet::new();
    for &file in below.keys() {
        if let Some(circle) = circle(file, &below, &mut Vec::new(), &mut done) {
            panic!("a circle of files: {}", circle.join(" -> "));
        }
    }
    // So nothing goes in a circle through the root either.
    let from_root = |to: &str| ["src/orchestrator/mod.rs", "src/run/mod.rs"].contains(&to);
    let wrong: Vec<_> =
        sources.imports().filter(|&(from, to)| from == ROOT && !from_root(to)).collect();
    assert!(wrong.is_empty(), "the root re-exports only the core and the run: {wrong:#?}");
}

#[test]
fn no_file_is_too_long() {
    let sources = Sources::read();
    for (file, text) in &sources.texts {
        let lines = text.lines().count();
        assert!(lines <= LINES, "{file} has {lines} lines, more than {LINES}");
    }
}

/// Which storey of the run a file is in.
fn storey(file: &str) -> Option<usize> {
    let folder =
        file.strip_prefix("src/run/").filter(|&rest| rest != "mod.rs")?.split('/').next()?;
    let storey = STOREYS.iter().position(|&name| name == folder);
    assert!(storey.is_some(), "{file} is in none of the storeys {STOREYS:?}");
    storey
}

/// The first circle on the way from a file, with its first file at both ends.
fn circle<'a>(
    file: &'a str,
    below: &BTreeMap<&'a str, BTreeSet<&'a str>>,
    way: &mut Vec<&'a str>,
    done: &mut BTreeSet<&'a str>,
) -> Option<Vec<&'a str>> {
    if let Some(begin) = way.iter().position(|&before| before == file) {
        return Some([&way[begin..], &[file]].concat());
    }
    if done.contains(file) {
        return None;
    }
    way.push(file);
    let found = below.get(file).into_iter().flatten().find_map(|&to| circle(to, below, way, done));
    way.pop();
    done.insert(file);
    found
}

struct Sources {
    /// By path from the root of the package.
    texts: BTreeMap<String, String>,
    /// The files of the modules.
    modules: BTreeMap<Vec<String>, String>,
    /// Which file imports from which other one.
    imports: BTreeSet<(String, String)>,
}

impl Sources {
    fn read() -> Self {
        let (mut texts, mut imports) = (BTreeMap::new(), BTreeSet::new());
        read_folder(Path::new(env!("CARGO_MANIFEST_DIR")), "src", &mut texts);
        let modules: BTreeMap<_, _> =
            texts.keys().map(|file| (module_of(file), file.clone())).collect();
        for (file, text) in &texts {
            for path in paths(&module_of(file), &tokens(text)) {
                let to = (0..=path.len()).rev().find_map(|length| modules.get(&path[..length]));
                imports.extend(to.filter(|&to| to != file).map(|to| (file.clone(), to.clone())));
            }
        }
        assert!(imports.len() > 100, "imports are not found any more");
        let sources = Self { texts, modules, imports };
        sources.check_itself();
        sources
    }

    fn imports(&self) -> impl Iterator<Item = (&str, &str)> {
        self.imports.iter().map(|(from, to)| (&**from, &**to))
    }

    /// What is known to be there is found, in each of the ways in which it can be written.
    fn check_itself(&self) {
        let here = ["run", "job", "job"].map(String::from);
        let text = "use super::{body::Body, hook}; // use crate::view;\n mod a { use super::b::C; }
            fn f() -> impl X + use<'a> { crate::orchestrator::g(\"crate::smol::x\", '\"', super::super::h) }";
        let found: Vec<_> =
            paths(&here, &tokens(text)).iter().map(|path| path.join("::")).collect();
        let expected = [
            "run::job::body::Body",
            "run::job::hook",
            "run::job::job::b::C",
            "orchestrator::g",
            "run::h",
        ];
        assert_eq!(found, expected);
        assert!(self.modules.contains_key(&here[..2]), "modules are not found any more");
    }
}

fn read_folder(root: &Path, folder: &str, texts: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(root.join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            read_folder(root, &path, texts);
        } else if entry.path().extension().is_some_and(|extension| extension == "rs") {
            texts.insert(path, fs::read_to_string(entry.path()).unwrap());
        }
    }
}

fn module_of(file: &str) -> Vec<String> {
    let path = file.trim_start_matches("src/").trim_end_matches(".rs");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    if path == "lib" { Vec::new() } else { path.split('/').map(String::from).collect() }
}

/// The words and signs of a source, without its comments and texts.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(raw) = rest.strip_prefix("r#\"") {
            raw.find("\"#").map_or(rest.len(), |end| 3 + end + 2)
        } else if first == '"' {
            quoted(rest, '"')
        } else if first == '\'' && (rest[1..].starts_with('\\') || is_character(rest)) {
            quoted(rest, '\'')
        } else {
            let length = if word > 0 {
                word
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            tokens.push(&rest[..length]);
            length
        };
        rest = rest[length..].trim_start();
    }
    tokens
}

/// `'x'`, and not the lifetime `'x`.
fn is_character(text: &str) -> bool {
    text.chars().nth(2) == Some('\'')
}

/// How long the text in quotes is that begins here.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (position, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return position + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// All paths of this crate in a module, from the root on: those that are imported, and others.
fn paths(module: &[String], tokens: &[&str]) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    // For each open brace: the module that is written out in it, if it is one.
    let mut braces: Vec<Option<&str>> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let before = at.checked_sub(1).map_or("", |before| tokens[before]);
        let after = tokens.get(at + 1).copied().unwrap_or("");
        let mut found = Vec::new();
        match tokens[at] {
            "{" => braces.push((at > 1 && tokens[at - 2] == "mod").then_some(before)),
            "}" => drop(braces.pop()),
            "use" if after != "<" => at = imported(tokens, at + 1, &[], &mut found),
            "crate" | "self" | "super" if after == "::" && !["::", "$", "in"].contains(&before) => {
                let mut path = vec![tokens[at]];
                while tokens.get(at + 1) == Some(&"::") && tokens.len() > at + 2 {
                    path.push(tokens[at + 2]);
                    at += 2;
                }
                found.push(path);
            }
            _ => {}
        }
        let inline = braces.iter().flatten().map(ToString::to_string);
        let here: Vec<_> = module.iter().cloned().chain(inline).collect();
        paths.extend(found.iter().filter_map(|path| from_root(path, &here)));
        at += 1;
    }
    paths
}

/// The paths of the import that begins here, after `prefix`; returns where it ends.
fn imported<'a>(
    tokens: &[&'a str],
    mut at: usize,
    prefix: &[&'a str],
    found: &mut Vec<Vec<&'a str>>,
) -> usize {
    let mut path = prefix.to_vec();
    loop {
        match tokens.get(at).copied() {
            Some("::") => {}
            Some("{") => {
                while tokens[at] != "}" {
                    at = imported(tokens, at + 1, &path, found);
                }
                // Past the brace.
                return at + 1;
            }
            Some("as") => at += 1,
            Some(word) if !["}", ",", ";"].contains(&word) => path.push(word),
            _ => {
                if path.len() > prefix.len() {
                    found.push(path);
                }
                return at;
            }
        }
        at += 1;
    }
}

/// A path from the root on; `None` if there is no such path. One of another crate looks like one of something
/// in this module, which does no harm.
fn from_root(path: &[&str], module: &[String]) -> Option<Vec<String>> {
    let (mut whole, mut rest) = match path.split_first()? {
        (&"crate", rest) => (Vec::new(), rest),
        (&"self", rest) => (module.to_vec(), rest),
        _ => (module.to_vec(), path),
    };
    while let Some((&"super", after)) = rest.split_first() {
        whole.pop()?;
        rest = after;
    }
    whole.extend(rest.iter().filter(|&&word| word != "self").map(ToString::to_string));
    Some(whole)
}
