//! The repository keeps its own rules: which module may import which, no stubs, no paths of a developer's machine.

use std::fs;
use std::path::{Path, PathBuf};

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

/// Every source file below `src`, as its path from there with `/`, and its text.
fn sources() -> Vec<(String, String)> {
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

/// Whether a file belongs to a module: `feed.rs` or anything in `feed/`.
fn belongs(file: &str, module: &str) -> bool {
    file == format!("{module}.rs") || file.starts_with(&format!("{module}/"))
}

/// The code of a file without its tests, which stand last.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}

fn assert_never_imports(module: &str, forbidden: &[&str]) {
    for (file, text) in sources().iter().filter(|(file, _)| belongs(file, module)) {
        for (number, line) in without_tests(text).lines().enumerate() {
            let code = line.split("//").next().unwrap_or(line);
            for other in forbidden {
                for path in [format!("crate::{other}::"), format!("crate::{other};"), format!("crate::{{{other}")] {
                    assert!(!code.contains(&path), "src/{file}:{}: {module} must not import {other}", number + 1);
                }
            }
        }
    }
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

#[test]
fn no_source_has_stubs_or_paths_of_a_machine() {
    let stubs = ["todo!(", "unimplemented!(", "#[ignore]", "allow(dead_code)"];
    let paths = ["work", "root", "home"].map(|folder| format!("/{folder}/"));
    for (file, text) in sources() {
        for forbidden in stubs.into_iter().chain(paths.iter().map(String::as_str)) {
            assert!(!text.contains(forbidden), "src/{file} contains {forbidden}");
        }
    }
}

#[test]
fn only_the_command_lines_writer_touches_the_standard_output_and_the_standard_error() {
    // The macros panic when nobody reads or the disk is full.
    let macros = ["println!(", "print!(", "eprintln!(", "eprint!(", "dbg!("];
    let handles = ["io::stdout()", "io::stderr()"];
    // Test modules that are files say what they skip.
    let is_test = |file: &str| file.contains("tests") || file == "wire/captured.rs";
    for (file, text) in sources().iter().filter(|(file, _)| !is_test(file)) {
        for (number, line) in without_tests(text).lines().enumerate() {
            let code = line.split("//").next().unwrap_or(line);
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
