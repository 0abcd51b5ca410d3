//! The rooms of the house: each uses those on the floors above it and its own, and no other.

mod common;

use std::fs;
use std::path::Path;

/// Rooms by floor, from the top.
const FLOORS: &[&[&str]] = &[
    &["frame", "issue", "field", "sum"],
    &["decode", "tcp"],
    &["flow"],
    &["app"],
    &["event"],
    &["engine"],
    &["redact"],
    &["registry"],
    &["filter"],
    &["check", "stats", "page", "scrub"],
    &["print"],
    &["run", "cli", "main"],
];

/// What a room on the same floor may be used for: a field's value may be a time; the loop and its plan know each other.
const NEIGHBOURS: &[(&str, &str)] =
    &[("field", "frame"), ("run", "cli"), ("cli", "run"), ("main", "run"), ("main", "cli")];

/// The rooms at the edge that use the top floor alone, and that the bottom floor alone uses.
const EDGE: &[&str] = &["source", "sandbox"];

#[test]
fn no_room_uses_one_below_it() {
    let mut files = Vec::new();
    collect(&common::path("src"), &mut files);
    assert!(files.len() > 50);
    let wrong: Vec<String> = files.iter().flat_map(|(path, text)| violations(path, text)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_not_allowed_is_found() {
    for (path, text) in [
        ("decode/tcp.rs", "use crate::engine::Engine;\n"),
        ("decode/tcp.rs", "use crate::{\n    field::Field,\n    tcp::Seq,\n};\n"),
        ("tcp/mod.rs", "fn f() {\n    crate::decode::decode(frame)\n}\n"),
        ("tcp/seq.rs", "use super::super::decode;\n"),
        ("app/http1/mod.rs", "mod tests {\n    use super::super::super::engine::Engine;\n}\n"),
        ("frame.rs", "use super::issue::Issue;\n"),
        ("source/file.rs", "use crate::decode;\n"),
        ("event.rs", "use crate::{app, print};\n"),
        ("print/json/mod.rs", "use crate::cli::Style;\n"),
        ("attic.rs", ""),
        ("app/mod.rs", "use crate::attic;\n"),
        ("engine.rs", "use dissect::print;\n"),
    ] {
        assert_eq!(violations(path, text).len(), 1, "{path}: {text}");
    }
}

#[test]
fn what_is_allowed_is_not_found() {
    for (path, text) in [
        ("flow/mod.rs", "use crate::{decode, tcp::{self, Seq}, frame};\n"),
        ("app/http1/framing.rs", "mod tests {\n    use super::super::head::parse;\n}\nuse super::super::ledger;\n"),
        ("source/file.rs", "use crate::frame::Frame;\nuse super::Error;\n"),
        ("tcp/seq.rs", "//! Unlike crate::engine.\nuse super::*; // nor crate::print\n"),
        ("run/input.rs", "use super::super::cli::Plan;\n"),
        ("main.rs", "use dissect::run;\n"),
    ] {
        assert_eq!(violations(path, text), Vec::<String>::new(), "{path}: {text}");
    }
}

fn collect(folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let relative = path.strip_prefix(common::path("src")).unwrap().to_string_lossy().into_owned();
            files.push((relative, fs::read_to_string(&path).unwrap()));
        }
    }
}

/// Why the file may not be as it is.
fn violations(path: &str, text: &str) -> Vec<String> {
    let modules: Vec<&str> = path.trim_end_matches(".rs").trim_end_matches("/mod").split('/').collect();
    let room = modules[0];
    if room == "lib" {
        return Vec::new();
    }
    if floor(room).is_none() {
        return vec![format!("{path}: {room} is no room of the table")];
    }
    let forbidden = used(text, modules.len()).into_iter().filter(|other| !allowed(room, other));
    forbidden.map(|other| format!("{path}: {room} may not use {other}")).collect()
}

fn floor(room: &str) -> Option<usize> {
    if EDGE.contains(&room) { Some(0) } else { FLOORS.iter().position(|rooms| rooms.contains(&room)) }
}

fn allowed(room: &str, other: &str) -> bool {
    let (Some(own), Some(others)) = (floor(room), floor(other)) else { return false };
    match (room, other) {
        _ if room == other => true,
        _ if EDGE.contains(&other) => own == FLOORS.len() - 1,
        _ if EDGE.contains(&room) => others == 0,
        _ => others < own || NEIGHBOURS.contains(&(room, other)),
    }
}

/// The rooms that a file names; `depth` is that of its module below the crate.
fn used(text: &str, depth: usize) -> Vec<String> {
    let mut rooms = Vec::new();
    // Indentations of the inline modules around the line, which `rustfmt` has made telling.
    let mut inline: Vec<usize> = Vec::new();
    // How deep in braces a `use crate::{` that goes over lines is.
    let mut group = 0;
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or_default();
        let code = line.trim();
        let indent = line.len() - line.trim_start().len();
        if code == "}" && inline.last() == Some(&indent) {
            inline.pop();
        }
        if group > 0 {
            grouped(code, &mut group, &mut rooms);
        }
        for root in ["crate::", "dissect::"] {
            after(code, root).for_each(|rest| name(rest, &mut group, &mut rooms));
        }
        let up = "super::".repeat(depth + inline.len());
        after(code, &up).for_each(|rest| name(rest, &mut group, &mut rooms));
        let item = code.trim_start_matches("pub ").trim_start_matches("pub(crate) ");
        if item.starts_with("mod ") && item.ends_with('{') {
            inline.push(indent);
        }
    }
    rooms
}

/// What follows each `prefix` that begins a path.
fn after<'a>(code: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    code.match_indices(prefix).filter_map(move |(at, _)| {
        let begins = !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
        begins.then(|| &code[at + prefix.len()..])
    })
}

/// Takes the room that `rest` begins with, or those of a group.
fn name(rest: &str, group: &mut usize, rooms: &mut Vec<String>) {
    match rest.strip_prefix('{') {
        Some(inside) => {
            *group = 1;
            grouped(inside, group, rooms);
        }
        None => rooms.extend(identifier(rest)),
    }
}

/// Takes the rooms named on the first level of a group, until it ends or the line does.
fn grouped(mut code: &str, group: &mut usize, rooms: &mut Vec<String>) {
    let mut begins = true;
    while let Some(c) = code.chars().next().filter(|_| *group > 0) {
        match c {
            '{' => *group += 1,
            '}' => *group -= 1,
            ',' => begins = true,
            _ if *group == 1 && begins && c.is_alphabetic() => {
                rooms.extend(identifier(code));
                begins = false;
            }
            _ => {}
        }
        code = &code[c.len_utf8()..];
    }
}

/// The room's name, where it is one; what begins with a capital is an item of the crate itself.
fn identifier(text: &str) -> Option<String> {
    let name: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    name.starts_with(|c: char| c.is_ascii_lowercase()).then_some(name)
}
