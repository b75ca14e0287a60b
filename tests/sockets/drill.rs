//! The kill drill: the program trades as a process against an exchange in another process, and is killed. Nothing is
//! asserted about durations measured here; the exchange's own records decide.
//!
//! `KILL_DRILL_INSTANTS=20 cargo test --release --test sockets kill_drill -- --nocapture` kills it at twenty instants.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kalshi_actor::config::{Config, VenueName};
use kalshi_actor::host::clock::wall_ms;
use kalshi_actor::market::OrderStatus;
use kalshi_actor::network::net::Trust;
use kalshi_actor::network::rest::RestClient;
use kalshi_actor::record::summary::Summary;
use kalshi_actor::session::{outside_venue, state_dir};
use kalshi_actor::wire::account::{Order, OrdersPage};

use crate::common::PATIENCE;

/// The longest lease of the drill, in session milliseconds, which is also the length of its leases.
const LEASE_MS: i64 = 11_000;

/// A process that does not outlive its test.
pub struct Process(Child);

impl Process {
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Kills the process with SIGKILL, so that no handler runs.
    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Closes the pipes that its output goes to.
    pub fn close_pipes(&mut self) {
        drop((self.0.stdout.take(), self.0.stderr.take()));
    }

    pub fn wait_for_end(&mut self) {
        let began = Instant::now();
        while self.0.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < PATIENCE, "the program does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What is left on both streams, which is less than a pipe holds.
    pub fn output(mut self) -> Output {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        self.0.stdout.take().unwrap().read_to_end(&mut stdout).unwrap();
        self.0.stderr.take().unwrap().read_to_end(&mut stderr).unwrap();
        Output { status: self.0.wait().unwrap(), stdout, stderr }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has already ended unless the test failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_kalshi-actor"))
}

/// An exchange in a process of its own, and the configuration of a trader for it.
pub struct Drill {
    _exchange: Process,
    pub folder: tempfile::TempDir,
    pub config: Config,
    client: RestClient,
}

impl Drill {
    pub fn start(seed: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = program();
        command.args(["exchange", "--markets", "4", "--seed", seed, "--keys"]).arg(folder.path().join("keys"));
        let mut exchange = Process(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
        let mut line = String::new();
        BufReader::new(exchange.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let facts: serde_json::Value = serde_json::from_str(&line).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let origin = |url: &serde_json::Value| text(url).splitn(4, '/').take(3).collect::<Vec<_>>().join("/");

        let mut config = Config::default();
        config.venue.name = VenueName::Demo;
        config.venue.live = true;
        config.venue.rest_url = origin(&facts["rest_url"]);
        config.venue.ws_url = origin(&facts["ws_url"]);
        config.venue.key_id = text(&facts["ed25519_key_id"]);
        config.venue.private_key_path = text(&facts["ed25519_private_key_path"]);
        config.pipeline.idle = kalshi_actor::config::IdleName::Park;
        config.markets.count = 4;
        config.orders.lease_longest_ms = LEASE_MS.unsigned_abs();
        config.orders.group_reset_ms = 1_000;
        config.record.state_dir = folder.path().join("state").to_string_lossy().into_owned();
        let venue = outside_venue(&config.venue, |_| None).unwrap();
        let credentials = Some(Arc::clone(&venue.credentials));
        let client = RestClient::new(&venue.rest, &Trust::WebPki, credentials, Duration::from_secs(10));
        let this = Self { _exchange: exchange, folder, config, client };
        this.write_config();
        this
    }

    /// Writes the current configuration, for the next trader.
    pub fn write_config(&self) {
        self.config.check().unwrap();
        std::fs::write(self.folder.path().join("actor.toml"), self.config.to_commented_toml()).unwrap();
    }

    pub fn keep_state_in(&mut self, folder: &Path) {
        self.config.record.state_dir = folder.to_string_lossy().into_owned();
        self.write_config();
    }

    pub fn command(&self, name: &str) -> Command {
        let mut command = program();
        command.arg(name).arg("--config").arg(self.folder.path().join("actor.toml"));
        command
    }

    /// Starts a trader.
    pub fn trade(&self, number: usize) -> Process {
        let mut command = self.command("run");
        command.args(["--policy", "maker", "--duration", "1h", "--out"]).arg(self.session(number));
        Process(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    pub fn session(&self, number: usize) -> std::path::PathBuf {
        self.folder.path().join(format!("session-{number}"))
    }

    /// Runs a session of this length to its end.
    pub fn trade_for(&self, time: &str, number: usize) -> Output {
        let mut command = self.command("run");
        command.args(["--policy", "maker", "--duration", time, "--out"]).arg(self.session(number));
        command.output().unwrap()
    }

    /// Runs a session with another configuration.
    pub fn trade_with(&self, config: &Config, time: &str, number: usize) -> Output {
        let file = self.folder.path().join("other.toml");
        std::fs::write(&file, config.to_commented_toml()).unwrap();
        let mut command = program();
        command.arg("run").arg("--config").arg(file).args(["--policy", "maker", "--duration", time, "--out"]);
        command.arg(self.session(number)).output().unwrap()
    }

    pub fn summary(&self, number: usize) -> Summary {
        summary(&self.session(number))
    }

    fn orders(&self, filter: &str) -> Vec<Order> {
        let path = format!("/trade-api/v2/portfolio/orders?{filter}limit=1000");
        let answer = self.client.get(&path).unwrap();
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        let page: OrdersPage = serde_json::from_slice(&answer.body).unwrap();
        assert!(page.cursor.is_empty(), "a drill has less than a page of orders");
        page.orders
    }

    pub fn resting(&self) -> Vec<Order> {
        self.orders("status=resting&")
    }

    pub fn wait_until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !condition(self) {
            assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Asserts that every order had an expiry, and that none outlived it or the lease of its dead trader.
    fn check_leases(&self, died_ms: i64) {
        for order in self.orders("") {
            let Some(ends) = order.expiration_time else { panic!("an order without an end: {order:?}") };
            if order.status != Some(OrderStatus::Resting) {
                let ended = order.last_update_time.or(order.created_time).unwrap();
                assert!(ended <= ends, "it ended at {ended}, its lease at {ends}");
            }
            if order.created_time.unwrap().as_millisecond() <= died_ms {
                assert!(ends.as_millisecond() <= died_ms + LEASE_MS, "{ends} is beyond the lease of a dead trader");
            }
        }
    }

    pub fn assert_agrees(&self, output: &Output, number: usize) -> Summary {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{}\n{text}{}", output.status, String::from_utf8_lossy(&output.stderr));
        assert_eq!(text.lines().last(), Some("ledger agrees with the exchange"), "{text}");
        assert!(self.resting().is_empty());
        summary(&self.session(number))
    }
}

fn summary(folder: &Path) -> Summary {
    serde_json::from_str(&std::fs::read_to_string(folder.join("summary.json")).unwrap()).unwrap()
}

/// Waits until a trader has orders in the book, kills it `after` that, and returns the time.
fn kill(drill: &Drill, number: usize, after: Duration) -> i64 {
    let mut trader = drill.trade(number);
    drill.wait_until("orders of the trader", |drill| drill.resting().len() >= 2);
    std::thread::sleep(after);
    trader.0.kill().unwrap();
    trader.0.wait().unwrap();
    wall_ms()
}

#[test]
fn kill_drill() {
    let instants: usize = std::env::var("KILL_DRILL_INSTANTS").map_or(2, |text| text.parse().unwrap());
    let drill = Drill::start("5");
    let mut left = 0;
    for number in 0..instants {
        // Multiples of the golden ratio, so that the instants are spread evenly and don't repeat.
        let after = Duration::from_millis((number as u64 * 1_618_034 / 1_000) % 5_000);
        let died_ms = kill(&drill, 2 * number, after);
        let orders = drill.resting().len();
        left += orders;
        if number % 2 == 0 {
            drill.wait_until("the end of the leases", |drill| drill.resting().is_empty());
            let took = Duration::from_millis(u64::try_from(wall_ms() - died_ms).unwrap());
            println!("killed after {after:?}: {orders} orders left, nothing rests after {took:?}");
        }
        let output = drill.trade_for("5s", 2 * number + 1);
        let summary = drill.assert_agrees(&output, 2 * number + 1);
        assert!(String::from_utf8_lossy(&output.stdout).contains("did not end cleanly"), "the death was not seen");
        println!("started again: {} orders, ledger agrees", summary.orders.sent);
        drill.check_leases(died_ms);
    }
    assert!(left > 0, "no trader left an order behind");
}

#[test]
fn a_user_signal_cancels_everything_and_keeps_the_trader_out_until_a_person_resumes_it() {
    let drill = Drill::start("6");
    let mut trader = drill.trade(0);
    drill.wait_until("orders of the trader", |drill| drill.resting().len() >= 2);
    let sent = Command::new("kill").args(["-s", "USR1", &trader.0.id().to_string()]).status().unwrap();
    assert!(sent.success());
    trader.wait_for_end();
    let output = trader.output();
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success(), "{report}");
    assert!(drill.resting().is_empty());
    assert!(report.contains("2 order groups triggered within"), "{report}");
    let state = state_dir(&drill.config, None).unwrap();
    assert_eq!(state.tripped().unwrap().unwrap().reason, "tripped: killed by SIGUSR1");

    let refused = drill.trade_for("5s", 1);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("resume"), "{refused:?}");
    assert!(drill.command("resume").status().unwrap().success());
    // The groups are found triggered, and reset as the configuration allows.
    let output = drill.trade_for("8s", 2);
    let summary = drill.assert_agrees(&output, 2);
    assert!(summary.orders.acked > 0 && summary.groups.iter().all(|group| group.active), "{summary:?}");
}
