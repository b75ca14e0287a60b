//! Checks the repository's own rules: which module may import which, no stubs, no paths of a developer's machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder).expect("the source folder is there").collect();
    entries.sort_by_key(|entry| entry.as_ref().expect("a readable entry").path());
    for entry in entries {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Every source file below `src`: its relative path with `/` as separator, and its text.
fn sources() -> &'static [(String, String)] {
    static SOURCES: LazyLock<Vec<(String, String)>> = LazyLock::new(read_sources);
    &SOURCES
}

fn read_sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    files
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&root).expect("below src").to_string_lossy().replace('\\', "/");
            let text = fs::read_to_string(&path).expect("sources are UTF-8");
            (name, text)
        })
        .collect()
}

/// Whether a file belongs to a module, as `feed.rs` and everything in `feed/` belong to `feed`.
fn belongs(file: &str, module: &str) -> bool {
    file == format!("{module}.rs") || file.starts_with(&format!("{module}/"))
}

/// The lines of a file, with those of test items left empty. Since the sources are formatted, an item ends at its own
/// indentation.
fn without_tests(text: &str) -> Vec<&str> {
    let indentation = |line: &str| line.len() - line.trim_start().len();
    let mut lines = Vec::new();
    let mut rest = text.lines();
    while let Some(line) = rest.next() {
        if !line.trim_start().starts_with("#[cfg(test)]") && !line.trim_start().starts_with("#[cfg(all(test") {
            lines.push(line);
            continue;
        }
        lines.push("");
        let mut is_inside = false;
        for item in rest.by_ref() {
            lines.push("");
            let code = item.trim();
            if is_inside {
                if indentation(item) == indentation(line) && code.starts_with('}') {
                    break;
                }
            } else if !code.starts_with("#[") && !code.starts_with("//") {
                if code.ends_with([';', ',', '}']) {
                    break;
                }
                is_inside = true;
            }
        }
    }
    lines
}

/// Whether a file contains only code for tests.
fn is_test_file(file: &str) -> bool {
    file.split('/').any(|part| ["tests", "testing"].contains(&part))
        || ["tests.rs", "testing.rs"].iter().any(|end| file.ends_with(end))
        || file == "wire/captured.rs"
}

/// A line without its comment.
fn code_of(line: &str) -> &str {
    line.split("//").next().unwrap_or(line)
}

/// How many modules deep a file is, which is how many times `super` leads to the crate root.
fn depth(file: &str) -> usize {
    let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').count()
}

/// Every top-level module that a file's code names, with the line: `crate::room`, each of `crate::{room, other::x}`,
/// and the same with as many `super` as lead to the root.
fn rooms_named(file: &str, text: &str) -> Vec<(usize, String)> {
    let code: Vec<&str> = without_tests(text).into_iter().map(code_of).collect();
    let code = code.join("\n");
    let word = |from: &str| from.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut rooms = Vec::new();
    for root in ["crate::".to_owned(), "super::".repeat(depth(file))] {
        for (at, _) in code.match_indices(&root) {
            let before = code[..at].chars().next_back().unwrap_or(' ');
            if before.is_alphanumeric() || [':', '_', '$'].contains(&before) {
                continue;
            }
            let after = &code[at + root.len()..];
            let line = |offset: usize| code[..at + root.len() + offset].matches('\n').count() + 1;
            if !after.starts_with('{') {
                rooms.push((line(0), word(after)));
                continue;
            }
            let mut open = 0;
            for (offset, c) in after.char_indices() {
                match c {
                    '{' => open += 1,
                    '}' => open -= 1,
                    _ => {}
                }
                if open == 0 {
                    break;
                }
                if open == 1 && (c == '{' || c == ',') {
                    let name = after[offset + 1..].trim_start();
                    rooms.push((line(offset), word(name)));
                }
            }
        }
    }
    rooms.retain(|(_, room)| !room.is_empty());
    rooms
}

fn assert_never_imports(module: &str, forbidden: &[&str]) {
    let mut files = 0;
    for (file, text) in sources().iter().filter(|(file, _)| belongs(file, module) && !is_test_file(file)) {
        files += 1;
        for (line, room) in rooms_named(file, text) {
            assert!(!forbidden.contains(&room.as_str()), "src/{file}:{line}: {module} must not import {room}");
        }
    }
    assert!(files > 0, "there is no module `{module}`");
    for room in forbidden {
        assert!(sources().iter().any(|(file, _)| belongs(file, room)), "there is no module `{room}` to forbid");
    }
}

#[test]
fn the_whole_of_a_file_is_read_but_its_tests() {
    let text = "use crate::a;\n#[cfg(test)]\nmod tests;\n\nimpl X {\n    #[cfg(test)]\n    #[must_use]\n    fn seen() {\n        \
                crate::b::c();\n    }\n    fn f() { crate::d::e(); } // crate::f::g\n}\n#[cfg(test)]\nmod inner {\n    use \
                crate::h;\n}\nuse crate::{\n    i::j,\n    k::{l, m},\n};\nuse super::super::n::o;\nuse super::p;\n";
    let named: Vec<_> = rooms_named("room/file.rs", text);
    let expected = [(1, "a"), (11, "d"), (17, "i"), (18, "k"), (21, "n")];
    assert_eq!(named, expected.map(|(line, room)| (line, room.to_owned())));
}

#[test]
fn a_stage_never_imports_another_stage() {
    let stages = ["feed", "decide", "execute", "reconcile"];
    for stage in stages {
        let others: Vec<&str> = stages.into_iter().filter(|other| *other != stage).collect();
        assert_never_imports(stage, &others);
    }
}

#[test]
fn dependencies_point_from_drivers_to_stages_to_vocabulary() {
    let above = ["cli", "drivers", "session", "kill", "network", "host", "exchange"];
    for stage in ["feed", "decide", "execute", "reconcile"] {
        assert_never_imports(stage, &above);
    }
    let stages = ["feed", "decide", "execute", "reconcile", "record", "ports"];
    for base in ["market", "wire", "book"] {
        assert_never_imports(base, &above);
        assert_never_imports(base, &stages);
    }
    let stages = ["feed", "decide", "execute", "reconcile", "link", "tape"];
    for vocabulary in ["messages", "ports"] {
        assert_never_imports(vocabulary, &above);
        assert_never_imports(vocabulary, &stages);
    }
    assert_never_imports("record", &above);
    assert_never_imports("record", &stages);
    assert_never_imports("market", &["wire", "book", "messages", "clock", "config"]);
    assert_never_imports(
        "exchange",
        &["feed", "decide", "execute", "reconcile", "cli", "drivers", "ports", "messages"],
    );
}

/// Finds attributes by name. Returns the line and the text of each, from `#[` to the closing bracket, which may be
/// lines apart.
fn attributes<'a>(text: &'a str, name: &str) -> Vec<(usize, &'a str)> {
    let mut found = Vec::new();
    for open in ["#[", "#!["] {
        for (at, _) in text.match_indices(&format!("{open}{name}")) {
            let mut depth = 0;
            let end = text[at..].find(|c| {
                depth += i32::from(c == '[') - i32::from(c == ']');
                c == ']' && depth == 0
            });
            let end = end.map_or(text.len(), |end| at + end + 1);
            found.push((text[..at].matches('\n').count() + 1, &text[at..end]));
        }
    }
    found
}

/// Whether the attribute has a string of at least two words.
fn explains(attribute: &str) -> bool {
    attribute.split('"').nth(1).is_some_and(|words| words.split_whitespace().count() >= 2)
}

/// Every stub in a file, with its line.
fn stubs(text: &str) -> Vec<(usize, String)> {
    let words =
        ["todo!(", "unimplemented!(", "unreachable!()", "panic!()", "assert!(true", "dbg!(", "TODO", "FIXME", "XXX"];
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        found.extend(words.iter().filter(|word| line.contains(**word)).map(|word| (number + 1, (*word).to_owned())));
    }
    // An ignored test, a silenced lint, and an expected panic without its text need a reason.
    for name in ["ignore", "allow(", "expect(", "should_panic"] {
        let bare = attributes(text, name).into_iter().filter(|(_, attribute)| !explains(attribute));
        found.extend(bare.map(|(line, attribute)| (line, format!("{attribute} without an explanation"))));
    }
    found
}

#[test]
fn stubs_are_found() {
    let text = "#[ignore]\n#[ignore = \"\"]\n#[ignore = \"slow\"]\n#[ignore = \"needs an exchange of its own\"]\n#[should_panic]\n\
                #[expect(dead_code)]\n#[allow(\n    dead_code,\n    reason = \"read by the derived form\"\n)]\nlet x = todo!();\n";
    let lines: Vec<_> = stubs(text).into_iter().map(|(line, _)| line).collect();
    assert_eq!(lines, [11, 1, 2, 3, 6, 5]);
}

#[test]
fn no_source_has_stubs_or_paths_of_a_machine() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let paths = ["work", "root", "home"].map(|folder| format!("/{folder}/"));
    let mut files = Vec::new();
    for folder in ["src", "tests", "benches"] {
        rust_files(&root.join(folder), &mut files);
    }
    for file in files {
        let (text, file) = (fs::read_to_string(&file).expect("sources are UTF-8"), file.display());
        for path in &paths {
            assert!(!text.contains(path), "{file} contains {path}");
        }
        // This file contains the words that it looks for.
        let found = if file.to_string().ends_with("tidy.rs") { Vec::new() } else { stubs(&text) };
        assert!(found.is_empty(), "{file}: {found:?}");
    }
}

#[test]
fn only_the_command_lines_writer_touches_the_standard_output_and_the_standard_error() {
    // The macros panic when the reader has gone or the disk is full.
    let macros = ["println!(", "print!(", "eprintln!(", "eprint!(", "dbg!("];
    let handles = ["io::stdout()", "io::stderr()"];
    // Tests print what they skip.
    for (file, text) in sources().iter().filter(|(file, _)| !is_test_file(file)) {
        for (number, line) in without_tests(text).into_iter().enumerate() {
            let code = code_of(line);
            for forbidden in macros {
                assert!(!code.contains(forbidden), "src/{file}:{}: {forbidden}; use cli::out", number + 1);
            }
            for forbidden in handles {
                let allowed = file == "cli/out.rs";
                assert!(allowed || !code.contains(forbidden), "src/{file}:{}: {forbidden}; use cli::out", number + 1);
            }
        }
    }
}
