//! Mistakes on purpose: an invariant of the campaigns names each of them, and without the feature none is in the binary.

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
    use kalshi_actor::drivers::campaign::{Campaign, Faults, Hunter};
    use kalshi_actor::exchange::keys::issue_ed25519;
    use kalshi_actor::exchange::scenario::Scenario;
    use kalshi_actor::planted::Bug;

    let policy = AnyPolicy::load(&PolicySpec::Maker, None).unwrap();
    let campaign =
        Campaign { duration_ms: 600_000, markets: 4, scenario: Scenario::default(), faults: Faults::Default, policy };
    let key = issue_ed25519().unwrap();
    let middle = Bug::ALL.len() / 2;
    let hunts: Vec<_> = std::thread::scope(|scope| {
        let hunt = |bugs: &'static [Bug]| {
            let mut hunter = Hunter::new(&campaign, &key);
            bugs.iter().map(|bug| hunter.hunt(*bug, 0..20)).collect::<Vec<_>>()
        };
        let first = scope.spawn(move || hunt(&Bug::ALL[..middle]));
        let second = hunt(&Bug::ALL[middle..]);
        first.join().unwrap().into_iter().chain(second).collect()
    });
    for hunt in &hunts {
        println!("{}: {:?} after {} seeds", hunt.bug, hunt.caught_by, hunt.seeds_needed);
    }
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
