//! Responses to complete requests: by the exchange, by the control endpoint beside it, or by the server itself.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::http::{Handshake, Reply, Request};
use super::local;
use crate::exchange::control;
use crate::exchange::gateway::{self, ExchangeNow, HttpRequest, SessionId, Ticket};
use crate::exchange::venue::Exchange;
use crate::wire::{REST_PREFIX, WS_PATH};

/// The connection that a request came on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    /// The ticket under which the request's response comes back.
    pub ticket: Ticket,
    /// The number of the connection's session, if it becomes a WebSocket.
    pub session: SessionId,
    /// Whether the connection comes from this machine.
    pub is_local: bool,
    /// The port that the server listens on.
    pub port: u16,
    /// Whether pages from web servers on this machine may read responses.
    pub cors: bool,
}

/// The outcome of a request.
#[derive(Debug)]
pub(super) enum Outcome {
    Answered(Reply),
    /// The response will come from the exchange.
    Handed,
    /// The connection becomes a WebSocket once the response for this key has been written.
    Upgraded(String),
}

/// Answers a request, or passes it to the exchange.
pub(super) fn answer(exchange: &mut Exchange, caller: Caller, request: &Request<'_>, now: ExchangeNow) -> Outcome {
    let path = gateway::decoded(request.path());
    if caller.is_local && control::is_control(&path) {
        return Outcome::Answered(at_control(exchange, caller, request, &path, now));
    }
    match request.http.method {
        "GET" if path == WS_PATH => handshake(exchange, caller, request, now),
        "GET" | "HEAD" | "POST" | "PUT" | "DELETE" => hand_over(exchange, caller, request, now),
        method @ ("OPTIONS" | "PATCH" | "TRACE" | "CONNECT") => {
            let methods = match &*path {
                "*" => vec!["GET", "HEAD", "POST", "PUT", "DELETE"],
                WS_PATH => vec!["GET"],
                path => gateway::methods(path),
            };
            match method {
                // The exchange has its own response for an unknown page.
                _ if methods.is_empty() => hand_over(exchange, caller, request, now),
                "OPTIONS" => Outcome::Answered(options(&methods, request, caller)),
                _ => Outcome::Answered(not_allowed(&methods)),
            }
        }
        other => Outcome::Answered(unknown_method(other)),
    }
}

fn hand_over(exchange: &mut Exchange, caller: Caller, request: &Request<'_>, now: ExchangeNow) -> Outcome {
    if let Some(location) = without_trailing_slash(request.http.target) {
        return Outcome::Answered(Reply::redirect(location));
    }
    exchange.http(caller.ticket, &request.http, now);
    Outcome::Handed
}

fn at_control(exchange: &mut Exchange, caller: Caller, request: &Request<'_>, path: &str, now: ExchangeNow) -> Reply {
    if let Err(reason) = local::check_control(request, caller.port, caller.cors) {
        return Reply::error(403, &reason);
    }
    let methods = control::methods(path);
    let method = match request.http.method {
        "OPTIONS" if !methods.is_empty() => return options(methods, request, caller),
        "HEAD" => "GET",
        method => method,
    };
    let response = control::answer(exchange, &HttpRequest { method, target: path, ..request.http }, now);
    match response.status {
        405 => Reply::from(response).with("Allow", allow(methods)),
        _ => response.into(),
    }
}

fn unknown_method(method: &str) -> Reply {
    let method: String = method.chars().take(20).collect();
    Reply::error(501, &format!("the method `{method}` is unknown: expected GET, POST or another one in upper case"))
}

/// The methods of a page, as listed in the `Allow` header.
fn allow(methods: &[&str]) -> String {
    format!("{}, OPTIONS", methods.join(", "))
}

fn not_allowed(methods: &[&str]) -> Reply {
    let allow = allow(methods);
    Reply::error(405, &format!("expected {allow}")).with("Allow", allow)
}

/// The methods that a page accepts, and for a web page that may know, what it may send (the fetch standard, 3.3).
fn options(methods: &[&str], request: &Request<'_>, caller: Caller) -> Reply {
    let allow = allow(methods);
    let reply = Reply::empty(204).with("Allow", allow.clone());
    if local::reader(caller.cors, request.sender.origin).is_none() {
        return reply;
    }
    reply
        .with("Access-Control-Allow-Methods", allow)
        .with("Access-Control-Allow-Headers", "*")
        .with("Access-Control-Allow-Private-Network", "true")
        .with("Access-Control-Max-Age", "600")
}

/// Opens a session (RFC 6455, 4.2).
fn handshake(exchange: &mut Exchange, caller: Caller, request: &Request<'_>, now: ExchangeNow) -> Outcome {
    let upgrade = |message: &str| {
        Reply::error(426, message)
            .with("Upgrade", "websocket")
            .with("Connection", "Upgrade")
            .with("Sec-WebSocket-Version", "13")
    };
    let Some(Handshake { key, version }) = request.handshake else {
        return Outcome::Answered(upgrade("expected a WebSocket's handshake: Upgrade: websocket, Connection: Upgrade"));
    };
    if version != Some("13") {
        return Outcome::Answered(upgrade("expected Sec-WebSocket-Version: 13"));
    }
    let Some(key) = key.filter(|key| STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16)) else {
        return Outcome::Answered(Reply::error(400, "expected a Sec-WebSocket-Key of 16 bytes in base64"));
    };
    match exchange.open(caller.session, &request.http, now) {
        Ok(()) => Outcome::Upgraded(key.to_owned()),
        Err(response) => Outcome::Answered(response.into()),
    }
}

/// The redirect for a path with a trailing slash: the same path without it, as on the exchange since October 2025. `None` if
/// the path has no trailing slash, or nothing before it.
fn without_trailing_slash(target: &str) -> Option<String> {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let path = path.strip_suffix('/').filter(|path| path.starts_with(REST_PREFIX) && *path != REST_PREFIX)?;
    Some(query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trailing_slash_is_removed_and_the_query_kept() {
        let without = |target| without_trailing_slash(target);
        assert_eq!(without("/trade-api/v2/markets/?limit=1").as_deref(), Some("/trade-api/v2/markets?limit=1"));
        assert_eq!(without("/trade-api/v2/markets/").as_deref(), Some("/trade-api/v2/markets"));
        assert_eq!(without("/trade-api/v2/markets?cursor=a/"), None);
        assert_eq!((without("/trade-api/v2/"), without("//elsewhere/")), (None, None));
    }
}
