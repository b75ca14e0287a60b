//! Checks the lists in the pages of `docs` against the sources: nothing is missing, and nothing is out of date.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use kalshi_actor::config::Config;
use kalshi_actor::drivers::simulation::NetworkFault;
use kalshi_actor::exchange::faults::CATALOG;
use kalshi_actor::exchange::scenario::Scenario;
use kalshi_actor::messages::Verdict;
use kalshi_actor::record::Span;
use kalshi_actor::record::journal::Kind;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The cells of each row of the tables whose header begins with `head`.
fn table(page: &str, head: &str) -> Vec<Vec<String>> {
    let text = read(page);
    let lines: Vec<&str> = text.lines().collect();
    let heads = lines.iter().enumerate().filter(|(_, line)| line.starts_with(head));
    let rows = heads.flat_map(|(at, _)| lines[at + 2..].iter().take_while(|line| line.starts_with('|')));
    let rows: Vec<_> =
        rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect();
    assert!(!rows.is_empty(), "{page} has no table `{head}`");
    rows
}

/// The parts of a text in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The quoted words of a column, each cut at the first dot, brace, colon or space.
fn names(rows: &[Vec<String>], column: usize) -> BTreeSet<String> {
    let cells = rows.iter().map(|row| row[column].as_str());
    cells.flat_map(quoted).map(|name| name.split(['.', '{', ':', ' ']).next().unwrap_or_default().to_owned()).collect()
}

fn set<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

/// The string literals that follow one of the words in the sources of a folder, with optional white space in between.
fn strings_after(folder: &str, words: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).expect("a folder of sources");
    let files: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable entry").path()).collect();
    for file in files.iter().filter(|file| file.is_file()) {
        let text = fs::read_to_string(file).expect("sources are UTF-8");
        for word in words {
            let after = text.split(word).skip(1).map(str::trim_start);
            found.extend(after.filter_map(|after| after.strip_prefix('"')?.split('"').next()).map(str::to_owned));
        }
    }
    found
}

#[test]
fn scenarios_and_faults_of_the_exchange() {
    let page = "docs/scenarios.md";
    assert_eq!(names(&table(page, "| name | what it is like |"), 0), set(Scenario::names()));
    let faults = names(&table(page, "| fault | what happens |"), 0);
    assert_eq!(faults, set(CATALOG.iter().map(|entry| entry.name)));
}

#[test]
fn invariants_and_faults_of_the_campaigns() {
    let page = "docs/guarantees.md";
    let held = strings_after("src/drivers/campaign", &["hold(", "invariant:", "NEVER_PANICS: &str ="]);
    assert_eq!(names(&table(page, "| invariant | meaning |"), 0), held);
    let kinds = names(&table(page, "| kind | what happens |"), 0);
    for fault in NetworkFault::ALL.map(NetworkFault::name) {
        assert!(kinds.contains(fault), "{page} says nothing of {fault}");
    }
}

/// The planted bugs are not in this build, so their source is read.
#[test]
fn planted_mistakes() {
    let source = read("src/planted.rs");
    let bugs: Vec<(String, String)> = source
        .lines()
        .filter(|line| line.ends_with("\";"))
        .map(|line| line.split('"').collect::<Vec<_>>())
        .filter(|parts| parts.len() == 5)
        .map(|parts| (parts[1].to_owned(), parts[3].to_owned()))
        .collect();
    let page = "docs/guarantees.md";
    let rows = table(page, "| part | bug | what is wrong | caught by |");
    let told: Vec<(String, String)> =
        rows.iter().map(|row| (row[1].trim_matches('`').to_owned(), row[2].clone())).collect();
    let (bugs_named, told_named): (BTreeSet<_>, BTreeSet<_>) = (bugs.iter().collect(), told.iter().collect());
    assert_eq!(told_named, bugs_named);
    let held = strings_after("src/drivers/campaign", &["hold(", "invariant:"]);
    for row in &rows {
        let by = row[3].trim_matches('`');
        assert!(held.contains(by), "{page}: `{by}` is no invariant");
    }
}

#[test]
fn reasons_of_the_risk_gate_and_its_keys() {
    let rows = table("docs/risk.md", "| control | reason |");
    let reasons = Verdict::ALL.map(Verdict::as_str).into_iter().filter(|reason| reason.starts_with("refused_"));
    assert_eq!(names(&rows, 1), set(reasons));
    let config = toml::Value::try_from(Config::default()).expect("a configuration has a TOML form");
    for key in names(&rows, 2) {
        assert!(config["risk"].get(&key).is_some(), "docs/risk.md: there is no key risk.{key}");
    }
}

#[test]
fn keys_of_the_configuration_that_pages_name_exist() {
    let config = toml::Value::try_from(Config::default()).expect("a configuration has a TOML form");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = fs::read_dir(root.join("docs")).expect("the pages").map(|page| page.expect("a readable entry").path());
    let mut keys = 0;
    for page in pages.chain([root.join("README.md"), root.join("perf/README.md")]) {
        let text = fs::read_to_string(&page).expect("pages are UTF-8");
        for line in text.lines() {
            for name in quoted(line) {
                let Some((section, key)) = name.split_once('.') else { continue };
                let key = key.split([' ', '=']).next().unwrap_or_default();
                let Some(section) = config.get(section) else { continue };
                // Names such as `journal.checkpoints` belong to other files.
                let is_key = !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c == '_');
                if is_key && !["json", "toml", "rs"].contains(&key) {
                    assert!(section.get(key).is_some(), "{}: there is no key `{name}`", page.display());
                    keys += 1;
                }
            }
        }
    }
    assert!(keys > 10, "only {keys} keys are named");
}

#[test]
fn spans_of_latency() {
    let rows = table("docs/architecture.md", "| key | from | to |");
    assert_eq!(names(&rows, 0), set(Span::ALL.map(Span::as_str)));
}

#[test]
fn kinds_of_journal_records() {
    let rows = table("docs/journal.md", "| kind | in | out |");
    let told: BTreeSet<String> = rows.iter().flat_map(|row| row[0].split(", ")).map(str::to_owned).collect();
    let kinds = Kind::ALL.iter().enumerate().map(|(number, kind)| format!("{number} {kind:?}"));
    assert_eq!(told, kinds.collect());
}
