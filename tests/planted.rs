//! Planted bugs: an invariant of the campaigns catches each of them, and without the feature the binary contains none.

use std::process::Command;

#[cfg(not(feature = "planted"))]
#[test]
fn what_is_shipped_has_no_planted_mistakes_and_no_switch_for_them() {
    let binary = env!("CARGO_BIN_EXE_kalshi-actor");
    let output = Command::new(binary).args(["simulate", "--plant", "id-reused"]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("unexpected argument '--plant'"), "{told}");
    let bytes = std::fs::read(binary).unwrap();
    for name in ["minus-sign-lost", "id-reused", "fee-charged-twice"] {
        assert!(memchr::memmem::find(&bytes, name.as_bytes()).is_none(), "{name} is in the binary");
    }
}

#[cfg(feature = "planted")]
#[test]
fn every_planted_mistake_is_named_by_an_invariant_and_its_seeds_are_clean_without_it() {
    use kalshi_actor::decide::policy::{AnyPolicy, PolicySpec};
    use kalshi_actor::drivers::campaign::{Campaign, Faults, hunt_all};
    use kalshi_actor::exchange::keys::issue_ed25519;
    use kalshi_actor::exchange::scenario::Scenario;

    let policy = AnyPolicy::load(&PolicySpec::Maker, None).unwrap();
    let campaign =
        Campaign { duration_ms: 600_000, markets: 4, scenario: Scenario::default(), faults: Faults::Default, policy };
    let key = issue_ed25519().unwrap();
    let hunts = hunt_all(&campaign, &key, &(0..512), 2, |hunt| {
        let (by, seed) = hunt.caught.map_or(("nothing", String::new()), |c| (c.invariant, c.seed.to_string()));
        println!("| {} | `{}` | {} | `{by}` | {seed} |", hunt.bug.part(), hunt.bug, hunt.bug.what());
    });
    let free: Vec<_> = hunts.iter().filter(|hunt| !hunt.is_proof()).collect();
    assert!(free.is_empty(), "{free:#?}");
}

#[cfg(feature = "planted")]
#[test]
fn the_command_lists_the_mistakes_and_ends_with_a_failure_when_one_is_caught() {
    let simulate = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_kalshi-actor")).arg("simulate").args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, list) = simulate(&["--plant", "list"]);
    assert_eq!((code, list.lines().count()), (Some(0), kalshi_actor::planted::Bug::ALL.len()));
    let (code, told) = simulate(&["--plant", "partial-fill-lost", "--seeds", "0..1"]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("fills_once") && told.contains("--plant partial-fill-lost"), "{told}");
}
