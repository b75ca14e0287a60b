//! The kill line of a session: a thread with an open connection of its own, signatures that are ready, and the ids of
//! our order groups. It shares nothing with the code that trades, so it works when the execute thread has panicked,
//! hangs, or has lost its connections.
//!
//! When fired, it triggers each of our order groups, with one request per shard: the exchange cancels all of the
//! group's orders and refuses any still in flight. Then it reads the resting orders, cancels what is left one by one,
//! and reads again until none of ours has rested for as long as reads may lag ([`crate::kill`] has the steps). Groups
//! stay triggered; the next start resets them as the configuration allows. [`kill`] does the same from another process,
//! which has to connect first.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam::channel::{self, Receiver, RecvTimeoutError, Sender};

use crate::host::clock::wall_ms;
use crate::kill::{Kill, KillSettings, KillWays, Killed, Trigger};
use crate::messages::KnownGroup;
use crate::network::net::Trust;
use crate::network::rest::RestClient;
use crate::network::signing::Signature;
use crate::network::venue::Venue;
use crate::wire::REST_PREFIX;
use crate::wire::order_groups::{set_delete_group_path, set_group_path};
use crate::wire::sign::Credentials;

/// How often signatures are renewed: half their maximum age.
const SIGN_EVERY: Duration = Duration::from_secs(1);
/// After this many renewals a request is sent, so that neither side closes the connection as idle.
const WARM_EVERY: u32 = 5;
/// How long a request may take before it is retried.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);

enum Command {
    Know(Vec<KnownGroup>),
    /// Cancel everything within this time.
    Fire(Duration),
}

/// Cancels all our orders on a venue, over a new connection. `known` are our order groups there: once they are
/// triggered, a trader that is still running cannot place orders in them.
#[must_use]
pub fn kill(venue: &Venue, trust: &Trust, settings: KillSettings, known: &[KnownGroup], ways: KillWays<'_>) -> Killed {
    let mut line = Line::new(venue, trust, settings);
    line.load(known);
    line.fire(settings.patience, ways)
}

/// The session's handle to the kill line. Dropping it without firing ends the thread.
#[derive(Debug)]
pub struct KillLine {
    commands: Sender<Command>,
    thread: JoinHandle<Option<Killed>>,
    fired: bool,
    patience: Duration,
}

impl KillLine {
    /// Starts the thread, which connects at once.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(venue: &Venue, trust: &Trust, settings: KillSettings, known: &[KnownGroup]) -> std::io::Result<Self> {
        let (commands, inbox) = channel::unbounded();
        let mut line = Line::new(venue, trust, settings);
        let known = known.to_vec();
        let thread = std::thread::Builder::new().name("kill line".to_owned()).spawn(move || {
            line.load(&known);
            line.wait(&inbox)
        })?;
        Ok(Self { commands, thread, fired: false, patience: settings.patience })
    }

    /// Replaces the list of our order groups.
    pub fn know(&self, known: Vec<KnownGroup>) {
        // If the thread has ended, it has already fired.
        let _ = self.commands.send(Command::Know(known));
    }

    /// Starts to cancel all our orders. Returns at once; later calls do nothing.
    pub fn fire(&mut self) {
        self.fire_within(self.patience);
    }

    /// As [`KillLine::fire`], with a time limit other than that of the settings.
    pub fn fire_within(&mut self, patience: Duration) {
        if !std::mem::replace(&mut self.fired, true) {
            let _ = self.commands.send(Command::Fire(patience));
        }
    }

    /// Whether the thread has ended without having been fired.
    pub fn has_failed(&self) -> bool {
        !self.fired && self.thread.is_finished()
    }

    /// Ends the thread. If it was fired, waits until it is done and returns the result.
    pub fn finish(self) -> Option<Killed> {
        drop(self.commands);
        self.thread.join().unwrap_or(None)
    }
}

struct Line {
    client: RestClient,
    credentials: Arc<Credentials>,
    settings: KillSettings,
    triggers: Vec<Trigger>,
}

impl Line {
    fn new(venue: &Venue, trust: &Trust, settings: KillSettings) -> Self {
        let credentials = Arc::clone(&venue.credentials);
        let client = RestClient::new(&venue.rest, trust, Some(Arc::clone(&credentials)), REQUEST_TIMEOUT);
        Self { client, credentials, settings, triggers: Vec::new() }
    }

    fn wait(mut self, inbox: &Receiver<Command>) -> Option<Killed> {
        let mut turns = 0;
        loop {
            if turns % WARM_EVERY == 0 {
                self.warm();
            }
            turns += 1;
            match inbox.recv_timeout(SIGN_EVERY) {
                Ok(Command::Know(known)) => self.load(&known),
                Ok(Command::Fire(patience)) => return Some(self.fire_alone(patience)),
                Err(RecvTimeoutError::Timeout) => self.sign(),
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    /// Sends a request to keep the connection open. The answer does not matter.
    fn warm(&self) {
        if let Err(error) = self.client.get(&format!("{REST_PREFIX}/exchange/status")) {
            tracing::debug!(%error, "the kill line has no connection");
        }
    }

    fn load(&mut self, known: &[KnownGroup]) {
        let trigger = |&KnownGroup { group, exchange_index }: &KnownGroup| {
            let (mut path, mut delete_path) = (String::new(), String::new());
            set_group_path(&mut path, group, "trigger", exchange_index);
            set_delete_group_path(&mut delete_path, group, exchange_index);
            Trigger { exchange_index, path, delete_path, signature: None }
        };
        self.triggers = known.iter().map(trigger).collect();
        self.sign();
    }

    fn sign(&mut self) {
        for trigger in &mut self.triggers {
            let signed = trigger.path.split_once('?').map_or(trigger.path.as_str(), |(path, _query)| path);
            trigger.signature = Signature::make(&self.credentials, "PUT", signed, wall_ms()).ok();
        }
    }

    /// Cancels with only what the kill line has itself: it knows of no orders from a journal.
    fn fire_alone(&self, patience: Duration) -> Killed {
        let ways = KillWays {
            everything: false,
            known_orders: &mut Vec::new,
            tell: &mut |what| tracing::warn!("kill line: {what}"),
        };
        self.fire(patience, ways)
    }

    fn fire(&self, patience: Duration, ways: KillWays<'_>) -> Killed {
        let settings = KillSettings { patience, ..self.settings };
        Kill::new(&self.client, settings, &self.triggers, ways).run()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::market::OrderGroupId;
    use crate::network::testing::{credentials, read_request, server, trust};

    /// A venue that answers every request, and reports on which connection it came.
    fn venue(scheme: &str) -> (Venue, Receiver<(usize, String)>) {
        let (seen, requests) = channel::unbounded();
        let endpoint = server(scheme, move |connection, mut peer| {
            loop {
                let request = read_request(&mut *peer);
                if request.is_empty() {
                    return;
                }
                let line = request.lines().next().unwrap_or_default().to_owned();
                let body = if line.contains("/portfolio/orders") { r#"{"orders":[],"cursor":""}"# } else { "{}" };
                if seen.send((connection, line)).is_err() {
                    return;
                }
                let response = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                peer.write_all(response.as_bytes()).unwrap();
            }
        });
        let credentials = credentials();
        let venue = Venue {
            feed: endpoint.clone(),
            feed_credentials: Arc::clone(&credentials),
            account: endpoint.clone(),
            rest: endpoint,
            credentials,
        };
        (venue, requests)
    }

    fn settings() -> KillSettings {
        KillSettings { read_lag: Duration::from_millis(1), patience: Duration::from_secs(5) }
    }

    #[test]
    fn a_fired_line_triggers_every_group_on_the_connection_that_was_open_before() {
        for scheme in ["http", "https"] {
            let (venue, requests) = venue(scheme);
            let known = [0, 2].map(|shard| KnownGroup {
                exchange_index: shard,
                group: OrderGroupId::from_bits(u128::from(shard) + 7),
            });
            let mut line = KillLine::start(&venue, &trust(), settings(), &known[..1]).unwrap();
            line.know(known.to_vec());
            line.fire();
            line.fire();
            let killed = line.finish().unwrap();
            assert_eq!(killed.triggered, 2);
            assert!(killed.report.is_clean());
            let seen: Vec<_> = requests.try_iter().collect();
            assert!(seen[0].1.starts_with("GET /trade-api/v2/exchange/status "), "{seen:?}");
            for (request, group) in seen[1..3].iter().zip(known) {
                let path = format!("{}/trigger?exchange_index={}", group.group, group.exchange_index);
                assert_eq!(request.1, format!("PUT /trade-api/v2/portfolio/order_groups/{path} HTTP/1.1"));
            }
            let first = seen[0].0;
            assert!(seen.iter().all(|(connection, _)| *connection == first), "{seen:?}");
        }
    }

    #[test]
    fn a_line_that_was_never_fired_ends_without_a_word() {
        let (venue, requests) = venue("http");
        let line = KillLine::start(&venue, &trust(), settings(), &[]).unwrap();
        assert!(line.finish().is_none());
        assert!(requests.try_iter().all(|(_, line)| line.starts_with("GET /trade-api/v2/exchange/status ")));
    }
}
