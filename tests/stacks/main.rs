//! The exchange's server with other HTTP stacks: each client's script makes the same calls in its own way, against an
//! exchange of its own. A stack that is not installed is skipped by name.
//!
//! ```sh
//! cargo test --test stacks -- --nocapture
//! ```

use std::path::Path;
use std::process::Command;

use kalshi_actor::exchange::Exchange;
use kalshi_actor::exchange::gateway::{GatewaySettings, Tier};
use kalshi_actor::exchange::scenario::Scenario;
use kalshi_actor::wire::sign::Algorithm;

/// Runs a client's script. Each of its checks prints a line that begins with `ok`.
fn run(program: &str, version: &str, script: &str, checks: usize) {
    if !Command::new(program).arg(version).output().is_ok_and(|output| output.status.success()) {
        println!("skipped: no {program} on this machine");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let handle = Exchange::builder()
        .settings(GatewaySettings { tier: Tier::Unlimited, ..GatewaySettings::default() })
        .scenario_of(Scenario::default(), 2)
        .quiet(true)
        .direct_members(false)
        .rsa_keys()
        .keys_in(folder.path())
        .cors(true)
        .start()
        .unwrap();
    let key = |algorithm| handle.accounts[0].key(algorithm).unwrap();
    let (rsa, ed25519) = (key(Algorithm::Rsa), key(Algorithm::Ed25519));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stacks").join(script);
    let output = Command::new(program)
        .arg(script)
        .env("ORIGIN", format!("http://{}", handle.addr))
        .env("WS_URL", &handle.ws_url)
        .env("RSA_KEY_ID", &rsa.key_id)
        .env("RSA_KEY_PATH", rsa.path.as_ref().unwrap())
        .env("ED25519_KEY_ID", &ed25519.key_id)
        .env("ED25519_KEY_PATH", ed25519.path.as_ref().unwrap())
        .output()
        .unwrap();
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{said}");
    let passed = said.lines().filter(|line| line.starts_with("ok ")).count();
    assert!(output.status.success() && passed == checks, "{passed} of {checks} checks passed\n{said}\n{errors}");
    let exchange = handle.stop().unwrap();
    let orders = exchange.engine().orders_of(exchange.clients()[0]).count();
    let placed = said.lines().filter(|line| line.starts_with("ok order")).count();
    assert_eq!(orders, placed, "each order that was answered is there, once");
}

#[test]
fn curl() {
    if !Command::new("openssl").arg("version").output().is_ok_and(|output| output.status.success()) {
        println!("skipped: no openssl on this machine, to sign for curl");
        return;
    }
    if !Command::new("curl").arg("--version").output().is_ok_and(|output| output.status.success()) {
        println!("skipped: no curl on this machine");
        return;
    }
    run("bash", "--version", "curl.sh", 16);
}

#[test]
fn node() {
    run("node", "--version", "node.mjs", 16);
}

#[test]
fn java() {
    run("java", "-version", "Client.java", 13);
}
