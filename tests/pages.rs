//! Checks the lists in the pages of `docs` against the sources: nothing is missing, and nothing is out of date.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kalshi_actor::config::Config;
use kalshi_actor::drivers::simulation::NetworkFault;
use kalshi_actor::exchange::faults::CATALOG;
use kalshi_actor::exchange::scenario::Scenario;
use kalshi_actor::messages::{Skip, Verdict};
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

/// The quoted words of a column, each cut at the first dot, parenthesis, brace, colon or space.
fn names(rows: &[Vec<String>], column: usize) -> BTreeSet<String> {
    let cells = rows.iter().map(|row| row[column].as_str());
    cells
        .flat_map(quoted)
        .map(|name| name.split(['.', '(', '{', ':', ' ']).next().unwrap_or_default().to_owned())
        .collect()
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

/// The number in the text of a default, in the unit of the configuration: dollars, contracts or milliseconds.
fn default_value(text: &str) -> f64 {
    let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
    let number: f64 = number.replace(['$', ','], "").parse().unwrap_or_else(|_| panic!("`{text}` is not a default"));
    let factor = match unit {
        "" | "ms" => 1.0,
        "s" => 1e3,
        "min" => 60e3,
        _ => panic!("`{unit}` in `{text}` is not a unit"),
    };
    number * factor
}

#[test]
fn defaults_of_the_risk_gate() {
    let config = toml::Value::try_from(Config::default()).expect("a configuration has a TOML form");
    let mut compared = 0;
    for row in table("docs/risk.md", "| control | reason |") {
        let keys: Vec<&str> = quoted(&row[2]).collect();
        let defaults: Vec<&str> = row[3].split(", ").flat_map(|part| part.split(" in ")).collect();
        for (number, key) in keys.iter().enumerate() {
            let text = defaults.get(number).unwrap_or_else(|| panic!("docs/risk.md: no default of {key}"));
            match &config["risk"][*key] {
                toml::Value::Array(values) => assert!(values.is_empty() && *text == "none", "{key}: {text}"),
                value => {
                    let configured: f64 = value.to_string().replace('"', "").parse().expect("a number");
                    assert!((configured - default_value(text)).abs() < 1e-9, "docs/risk.md: {key} is {configured}");
                }
            }
            compared += 1;
        }
    }
    assert!(compared > 15, "only {compared} defaults are compared");
}

#[test]
fn reasons_for_which_an_order_of_a_strategy_is_withheld() {
    let reasons = Skip::ALL.into_iter().filter(|reason| *reason as u8 >= Skip::Blocked as u8).map(Skip::as_str);
    assert_eq!(names(&table("docs/strategies.md", "| Reason | What it means |"), 0), set(reasons));
}

/// What follows each of these words in a part of a source file, up to the end of a name.
fn words_after(source: &str, begin: &str, words: &[&str]) -> BTreeSet<String> {
    let text = read(source);
    let part = text.split_once(begin).unwrap_or_else(|| panic!("{source} has no `{begin}`")).1;
    let part = part.split_once("\n}").expect("an item ends").0;
    let lines = part.lines().map(str::trim);
    let after = lines.filter_map(|line| words.iter().find_map(|word| line.strip_prefix(word)));
    after.map(|rest| rest.split(['(', ':']).next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn calls_to_a_strategy_and_fields_of_its_view() {
    let page = "docs/strategies.md";
    let methods = words_after("src/decide/policy/mod.rs", "pub trait Policy", &["fn "]);
    assert_eq!(names(&table(page, "| Method |"), 0), methods);
    let mut fields = words_after("src/decide/policy/view.rs", "pub struct View<'a> {", &["pub "]);
    fields.extend(words_after("src/decide/policy/view.rs", "impl View<'_> {", &["pub fn "]));
    assert_eq!(names(&table(page, "| Field |"), 0), fields);
}

#[test]
fn signals_and_what_they_do() {
    let source = read("src/host/signals.rs");
    let rows = table("docs/signals.md", "| signal | who sends it |");
    let mut signals = 0;
    for (list, result) in [("URGENT", "clean stop"), ("STOPPING", "clean stop"), ("IGNORED", "ignored")] {
        let after = source.split_once(&format!("const {list}: ")).unwrap_or_else(|| panic!("no list {list}")).1;
        let names = after.split(['[', ']']).nth(3).expect("the list is an array");
        for name in names.split(", ") {
            let row = rows.iter().find(|row| row[0].split(", ").any(|cell| cell == name));
            let row = row.unwrap_or_else(|| panic!("docs/signals.md says nothing of {name}"));
            assert!(row[2].starts_with(result), "docs/signals.md: {name}: {}", row[2]);
            signals += 1;
        }
    }
    assert!(signals > 10, "only {signals} signals are compared");
}

#[test]
fn commands_in_the_readme() {
    let help = Command::new(env!("CARGO_BIN_EXE_kalshi-actor")).arg("--help").output().expect("the program starts");
    let help = String::from_utf8(help.stdout).expect("help is UTF-8");
    let list = help.split_once("Commands:\n").expect("help lists the commands").1;
    let lines = list.lines().take_while(|line| line.starts_with("  "));
    let commands: BTreeSet<&str> = lines.filter_map(|line| line.split_whitespace().next()).collect();
    let rows = table("README.md", "| command | what it does |");
    let told: BTreeSet<&str> = rows.iter().filter_map(|row| row[0].split([' ', '`']).nth(2)).collect();
    assert_eq!(told, commands.into_iter().filter(|command| *command != "help").collect());
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
