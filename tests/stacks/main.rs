//! The exchange's server as other HTTP stacks see it: each client's script makes the same calls in its own way, against an
//! exchange of its own. A stack that is not on this machine is skipped, with its name.
//!
//! ```sh
//! cargo test --test stacks -- --nocapture
//! ```

use std::num::NonZeroU8;
use std::path::Path;
use std::process::Command;

use kalshi_actor::exchange::gateway::{GatewaySettings, Tier};
use kalshi_actor::exchange::launch::{LaunchConfig, launch};
use kalshi_actor::exchange::participants::{World, default_world};
use kalshi_actor::exchange::server::ServerConfig;
use kalshi_actor::market::Money;

/// Runs a client's script. Each of its checks prints a line that begins with `ok`.
fn run(program: &str, version: &str, script: &str, checks: usize) {
    if !Command::new(program).arg(version).output().is_ok_and(|output| output.status.success()) {
        println!("skipped: no {program} on this machine");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = ServerConfig { cors: true, ..ServerConfig::local() };
    let (handle, facts) = launch(LaunchConfig {
        seed: 1,
        settings: GatewaySettings { tier: Tier::Unlimited, ..GatewaySettings::default() },
        world: World { quiet: true, ..default_world(1, 2, server.session_ms()) },
        accounts: NonZeroU8::MIN,
        cash: vec![(0, Money::from_dollars(1_000)), (2, Money::from_dollars(1_000))],
        direct_member: false,
        recordings: Vec::new(),
        server,
        key_directory: folder.path().to_owned(),
    })
    .unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stacks").join(script);
    let output = Command::new(program)
        .arg(script)
        .env("ORIGIN", format!("http://{}", handle.addr))
        .env("WS_URL", &facts.ws_url)
        .env("RSA_KEY_ID", &facts.first.key_id)
        .env("RSA_KEY_PATH", &facts.first.private_key_path)
        .env("ED25519_KEY_ID", &facts.first.ed25519_key_id)
        .env("ED25519_KEY_PATH", &facts.first.ed25519_private_key_path)
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
