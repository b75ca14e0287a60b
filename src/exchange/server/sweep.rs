//! Connections that the server ends: those of clients that take too long, and all of them when it stops.

use super::connection::Protocol;
use super::event_loop::EventLoop;
use super::http::Reply;
use super::timeouts::Waiting;
use super::websocket::CloseCode;

/// How often to check what connections are waiting for.
pub(super) const SWEEP_NS: u64 = 1_000_000_000;

impl EventLoop {
    /// Once a second, ends the connections of clients that take too long, and retries to accept clients.
    pub(super) fn sweep(&mut self) {
        let now_ns = self.config.mono_ns();
        if now_ns < self.next_sweep_ns {
            return;
        }
        self.next_sweep_ns = now_ns.saturating_add(SWEEP_NS);
        let mut late = Vec::new();
        for (token, connection) in &mut self.connections {
            let waiting = connection.waiting();
            if let Some(waiting) = connection.watch.look(waiting, now_ns, &self.config.timeouts) {
                late.push((*token, waiting));
            }
        }
        for (token, waiting) in late {
            self.give_up(token, waiting);
        }
        self.accept();
    }

    /// Ends a connection that has waited too long.
    fn give_up(&mut self, token: usize, waiting: Waiting) {
        let date = self.date(self.now());
        let ticket = self.next_ticket(token);
        let Some(connection) = self.connections.get_mut(&token) else { return };
        match waiting {
            Waiting::Head(_) | Waiting::Body(_) => {
                let part = if matches!(waiting, Waiting::Head(_)) { "headers" } else { "body" };
                let message = format!("the {part} of the request did not come in time");
                connection.refuse(ticket, Reply::error(408, &message), &date);
            }
            Waiting::Sign(_) => connection.say_close(CloseCode::Policy, "no pong came in time"),
            Waiting::Reader(_) | Waiting::LastAnswer(_) | Waiting::Goodbye => connection.dead = true,
            Waiting::Request(_) | Waiting::Answer => {}
        }
        self.end(token);
    }

    /// Closes every session because the server stops.
    pub(super) fn say_goodbye(&mut self) {
        for (token, connection) in &mut self.connections {
            if matches!(connection.protocol, Protocol::WebSocket(_)) && !connection.is_ending() {
                connection.say_close(CloseCode::Away, "the exchange stops");
                self.touched.insert(*token);
            }
        }
    }
}
