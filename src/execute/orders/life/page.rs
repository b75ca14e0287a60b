//! `docs/order-life-cycle.md` is made of the table that runs: rendered here, compared by a test, and written anew by
//! `UPDATE_DOCS=1 cargo test --lib order_life_cycle`.

use std::fmt::Write as _;
use std::path::Path;

use super::{Effect, OrderEvent, OrderState, Transition, transition};
use crate::market::EndReason;

const SOURCE: &str = include_str!("mod.rs");
const REASONS: &str = include_str!("../../../market/order.rs");
const BEGIN: &str = "<!-- made from src/execute/orders/life/mod.rs: begin -->\n";
const END: &str = "<!-- made from src/execute/orders/life/mod.rs: end -->";

/// The documentation of each variant of an enum, in the order of the source.
fn documented(source: &str, name: &str) -> Vec<(String, String)> {
    let start = source.find(&format!("pub enum {name} {{")).expect("the enum is in the source");
    let body = &source[start..][..source[start..].find("\n}").expect("an enum ends")];
    let (mut variants, mut doc) = (Vec::new(), String::new());
    for line in body.lines().skip(1).map(str::trim) {
        if let Some(text) = line.strip_prefix("/// ") {
            let space = if doc.is_empty() { "" } else { " " };
            write!(doc, "{space}{text}").unwrap();
        } else if let Some(variant) = line.strip_suffix(',') {
            let variant = variant.split(" = ").next().unwrap_or(variant);
            variants.push((variant.to_owned(), std::mem::take(&mut doc)));
        }
    }
    variants
}

/// Links of rustdoc mean nothing on the page.
fn plain(text: &str) -> String {
    let mut text = text.replace("[`", "`").replace("`]", "`");
    while let Some((start, end)) = text.find("(crate::").and_then(|at| Some((at, at + text[at..].find(')')?))) {
        text.replace_range(start..=end, "");
    }
    text
}

fn list(out: &mut String, title: &str, variants: Vec<(String, String)>) {
    writeln!(out, "## {title}\n\n| name | meaning |\n|---|---|").unwrap();
    for (name, doc) in variants {
        writeln!(out, "| `{name}` | {} |", plain(&doc)).unwrap();
    }
    out.push('\n');
}

fn table(out: &mut String) {
    out.push_str("## The table\n\n| state | event | next state | ledger |\n|---|---|---|---|\n");
    for state in OrderState::ALL {
        let mut groups: Vec<(Transition, Vec<OrderEvent>)> = Vec::new();
        for event in OrderEvent::ALL {
            let found = transition(state, event);
            match groups.iter_mut().find(|(known, _)| *known == found) {
                Some((_, events)) => events.push(event),
                None => groups.push((found, vec![event])),
            }
        }
        let stays = Transition { next: state, effect: Effect::Keep };
        groups.sort_by_key(|(found, _)| *found == stays);
        for (found, events) in groups {
            let events: Vec<_> = events.iter().map(|event| format!("`{event:?}`")).collect();
            let next = if found.next == state { "stays".to_owned() } else { format!("`{:?}`", found.next) };
            writeln!(out, "| `{state:?}` | {} | {next} | `{:?}` |", events.join(", "), found.effect).unwrap();
        }
    }
    out.push('\n');
}

fn reasons(out: &mut String) {
    out.push_str("## Why the exchange ends an order\n\n| reason | the exchange's word | meaning |\n|---|---|---|\n");
    let documented = documented(REASONS, "EndReason").into_iter().filter(|(name, _)| name != "#[default]");
    for ((_, doc), reason) in documented.zip(EndReason::ALL) {
        let word = reason.wire_word().map_or("none".to_owned(), |word| format!("`{word}`"));
        writeln!(out, "| `{}` | {word} | {doc} |", reason.as_str()).unwrap();
    }
}

fn render() -> String {
    let mut out = String::from("\n");
    list(&mut out, "States", documented(SOURCE, "OrderState"));
    list(&mut out, "Events", documented(SOURCE, "OrderEvent"));
    list(&mut out, "What happens to the claim on the ledger", documented(SOURCE, "Effect"));
    table(&mut out);
    reasons(&mut out);
    out.push('\n');
    out
}

#[test]
fn every_state_event_and_effect_is_documented_in_the_order_of_its_number() {
    let names = |name: &str| documented(SOURCE, name).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names("OrderState"), OrderState::ALL.map(|state| format!("{state:?}")));
    assert_eq!(names("OrderEvent"), OrderEvent::ALL.map(|event| format!("{event:?}")));
    assert_eq!(names("Effect"), Effect::ALL.map(|effect| format!("{effect:?}")));
    let reasons: Vec<_> = documented(REASONS, "EndReason").into_iter().map(|(name, _)| name).collect();
    assert_eq!(reasons, EndReason::ALL.map(|reason| format!("{reason:?}")));
}

#[test]
fn the_page_on_the_order_life_cycle_is_the_table_that_runs() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/order-life-cycle.md");
    let page = std::fs::read_to_string(&path).expect("the page is there");
    let start = page.find(BEGIN).expect("the page says where the table begins") + BEGIN.len();
    let end = page.find(END).expect("the page says where the table ends");
    let expected = render();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{}{expected}{}", &page[..start], &page[end..]))
            .expect("the page can be written");
        return;
    }
    let hint = "run `UPDATE_DOCS=1 cargo test --lib order_life_cycle` and read what changed";
    for (line, (found, expected)) in page[start..end].lines().zip(expected.lines()).enumerate() {
        assert_eq!(found, expected, "line {line} of the table; {hint}");
    }
    assert_eq!(&page[start..end], expected, "{hint}");
}
