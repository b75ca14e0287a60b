//! The REST client for everything but orders, built on ureq: reads for `reconcile` on a helper thread, and single
//! blocking calls for commands such as `kill`.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam::channel;
use thiserror::Error;
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

use crate::host::clock::{Clock, wall_ms};
use crate::network::endpoint::Endpoint;
use crate::network::net::Trust;
use crate::network::signing::Signature;
use crate::ports::RequestId;
use crate::wire::http_date::parse_http_date;
use crate::wire::sign::Credentials;

/// The largest body that is read, in bytes. A full page of orders is below 1 MiB.
pub const BODY_BYTES_MAX: u64 = 32 << 20;

/// An HTTP response of any status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestAnswer {
    pub status: u16,
    pub body: Vec<u8>,
    /// The `date` header, in milliseconds since the Unix epoch, which is rounded down to the second.
    pub date_ms: Option<i64>,
}

/// Why there is no answer. The text names the request and contains no secret.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{method} {path}: {problem}")]
pub struct RestError {
    method: &'static str,
    path: String,
    problem: String,
}

/// A blocking client. Clones share its connections.
#[derive(Clone, Debug)]
pub struct RestClient {
    agent: Agent,
    /// Scheme, host and port.
    origin: String,
    credentials: Option<Arc<Credentials>>,
}

impl RestClient {
    /// Creates a client of the exchange at `endpoint`. The endpoint's path is ignored, since requests give theirs from
    /// the root. `timeout` covers a request from name look-up to the last byte. Without credentials, requests are not
    /// signed.
    #[must_use]
    pub fn new(endpoint: &Endpoint, trust: &Trust, credentials: Option<Arc<Credentials>>, timeout: Duration) -> Self {
        let roots = match trust {
            Trust::WebPki => RootCerts::WebPki,
            Trust::Only(certificates) => {
                RootCerts::from(certificates.iter().map(|certificate| Certificate::from_der(certificate).to_owned()))
            }
        };
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .root_certs(roots)
            .build();
        let agent = Agent::config_builder()
            .tls_config(tls)
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            // The signature covers the path, so a redirected request could only fail, and would send its headers to
            // another host.
            .max_redirects(0)
            .user_agent(crate::network::USER_AGENT)
            .build()
            .new_agent();
        let origin = endpoint.origin();
        Self { agent, origin, credentials }
    }

    /// Sends a `GET`. `path` is from the root and includes the query.
    ///
    /// # Errors
    /// When no answer comes in time, or its body exceeds [`BODY_BYTES_MAX`].
    pub fn get(&self, path: &str) -> Result<RestAnswer, RestError> {
        self.call("GET", path, &[], None)
    }

    /// Sends a `DELETE` with a JSON body or an empty one.
    ///
    /// # Errors
    /// As [`RestClient::get`]. It is then unknown whether the exchange acted on the request.
    pub fn delete(&self, path: &str, body: &[u8]) -> Result<RestAnswer, RestError> {
        self.call("DELETE", path, body, None)
    }

    /// Sends a `PUT` with a JSON body. If a fresh `signature` is given, it is used instead of making one.
    ///
    /// # Errors
    /// As [`RestClient::delete`].
    pub fn put(&self, path: &str, body: &[u8], signature: Option<&Signature>) -> Result<RestAnswer, RestError> {
        self.call("PUT", path, body, signature)
    }

    fn call(
        &self,
        method: &'static str,
        path: &str,
        body: &[u8],
        ready: Option<&Signature>,
    ) -> Result<RestAnswer, RestError> {
        let fail = |problem: String| RestError { method, path: path.to_owned(), problem };
        let url = format!("{}{path}", self.origin);
        let signed_path = path.split_once('?').map_or(path, |(path, _query)| path);
        let mut headers = Vec::with_capacity(4);
        if let Some(credentials) = &self.credentials {
            let signature = match ready.filter(|ready| ready.is_fresh(wall_ms())) {
                Some(ready) => ready.clone(),
                None => Signature::make(credentials, method, signed_path, wall_ms())
                    .map_err(|error| fail(error.to_string()))?,
            };
            headers.extend(signature.headers(&credentials.key_id));
        }
        if !body.is_empty() {
            headers.push(("content-type", "application/json".to_owned()));
        }
        let response = if method == "PUT" {
            headers
                .into_iter()
                .fold(self.agent.put(&url), |request, (name, value)| request.header(name, value))
                .send(body)
        } else {
            let request = if method == "GET" { self.agent.get(&url) } else { self.agent.delete(&url) };
            let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
            if body.is_empty() { request.call() } else { request.force_send_body().send(body) }
        };
        let mut response = response.map_err(|error| fail(error.to_string()))?;
        let body = response.body_mut().with_config().limit(BODY_BYTES_MAX).read_to_vec();
        let body = body.map_err(|error| fail(error.to_string()))?;
        let date = response.headers().get("date").and_then(|date| date.to_str().ok());
        Ok(RestAnswer { status: response.status().as_u16(), body, date_ms: date.and_then(parse_http_date) })
    }
}

/// The outcome of a read.
#[derive(Clone, Debug)]
pub struct RestOutcome {
    pub request: RequestId,
    pub result: Result<RestAnswer, RestError>,
    /// When the outcome was known, on the driver's monotonic clock.
    pub read_ns: u64,
}

/// A helper thread that does the reads of `reconcile`, one at a time and in the order requested. When this handle is
/// dropped, the thread ends after its current read.
#[derive(Debug)]
pub struct RestHelper {
    jobs: channel::Sender<(RequestId, String)>,
    outcomes: channel::Receiver<RestOutcome>,
}

impl RestHelper {
    /// Starts the thread. Must be called by the unpinned main thread.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(client: RestClient, clock: Clock) -> io::Result<(Self, JoinHandle<()>)> {
        let (jobs, queue) = channel::unbounded::<(RequestId, String)>();
        let (results, outcomes) = channel::unbounded();
        let thread = std::thread::Builder::new().name("rest".to_owned()).spawn(move || {
            for (request, path) in queue {
                let result = client.get(&path);
                if results.send(RestOutcome { request, result, read_ns: clock.now_ns() }).is_err() {
                    return;
                }
            }
        })?;
        Ok((Self { jobs, outcomes }, thread))
    }

    /// Queues a read. Never blocks; the queue stays short, since a stage has few reads in flight at a time.
    pub fn get(&self, request: RequestId, path: &str) {
        // Cannot fail: the thread lives as long as this end of the channel.
        let _ = self.jobs.send((request, path.to_owned()));
    }

    /// Returns the next outcome, if there is one. Never blocks.
    pub fn poll(&mut self) -> Option<RestOutcome> {
        self.outcomes.try_recv().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::testing::{credentials, ends, read_request, server, trust, until};
    use std::io::Write;

    /// Starts a server that answers every request with the request itself.
    fn echo(scheme: &str) -> Endpoint {
        server(scheme, |_, mut peer| {
            loop {
                let request = read_request(&mut *peer);
                if request.is_empty() {
                    return;
                }
                let status = if request.contains("/missing") { "404 Not Found" } else { "200 OK" };
                let response = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{request}", request.len());
                peer.write_all(response.as_bytes()).unwrap();
            }
        })
    }

    fn client(endpoint: &Endpoint, timeout: Duration) -> RestClient {
        RestClient::new(endpoint, &trust(), Some(credentials()), timeout)
    }

    fn header<'a>(request: &'a str, name: &str) -> &'a str {
        let line = request.lines().find(|line| line.to_ascii_lowercase().starts_with(&name.to_ascii_lowercase()));
        line.and_then(|line| line.split_once(": ")).unwrap_or_else(|| panic!("{name} is missing in {request}")).1
    }

    #[test]
    fn reads_are_signed_without_their_query_plain_and_over_tls() {
        for scheme in ["http", "https"] {
            let endpoint = echo(scheme);
            let client = client(&endpoint, Duration::from_secs(5));
            let answer = client.get("/trade-api/v2/portfolio/orders?limit=5").unwrap();
            let request = String::from_utf8(answer.body).unwrap();
            assert!(request.starts_with("GET /trade-api/v2/portfolio/orders?limit=5 HTTP/1.1"), "{request}");
            let verifier = client.credentials.as_ref().unwrap().signer.verifier();
            let (timestamp, signature) =
                (header(&request, "kalshi-access-timestamp"), header(&request, "kalshi-access-signature"));
            assert_eq!(verifier.verify(timestamp, "GET", "/trade-api/v2/portfolio/orders", signature), Ok(()));
        }
    }

    #[test]
    fn a_delete_may_carry_a_body_and_an_error_status_is_an_answer() {
        let client = client(&echo("http"), Duration::from_secs(5));
        let answer = client.delete("/batched", b"{\"orders\":[]}").unwrap();
        let request = String::from_utf8(answer.body).unwrap();
        assert!(request.starts_with("DELETE /batched") && request.ends_with("{\"orders\":[]}"), "{request}");
        assert!(client.delete("/all", b"").unwrap().body.starts_with(b"DELETE /all"));
        assert_eq!(client.get("/missing").unwrap().status, 404);
    }

    #[test]
    fn a_put_carries_the_signature_that_was_made_for_it_and_makes_one_when_that_is_old() {
        let client = client(&echo("http"), Duration::from_secs(5));
        let path = "/trade-api/v2/portfolio/order_groups/g/trigger";
        let credentials = credentials();
        for (age_ms, used) in [(0, true), (60_000, false)] {
            let ready = Signature::make(&credentials, "PUT", path, wall_ms() - age_ms).unwrap();
            let answer = client.put(&format!("{path}?exchange_index=2"), b"{}", Some(&ready)).unwrap();
            let request = String::from_utf8(answer.body).unwrap();
            assert!(
                request.starts_with(&format!("PUT {path}?exchange_index=2 ")) && request.ends_with("{}"),
                "{request}"
            );
            assert_eq!(header(&request, "kalshi-access-signature") == ready.text(), used);
        }
    }

    #[test]
    fn a_server_that_does_not_answer_is_an_error_that_names_the_request_and_no_secret() {
        let endpoint = server("http", |_, mut peer| {
            read_request(&mut *peer);
            std::thread::sleep(Duration::from_secs(30));
        });
        let client = client(&endpoint, Duration::from_millis(200));
        let text = client.get("/slow").unwrap_err().to_string();
        assert!(text.starts_with("GET /slow: ") && text.contains("timeout"), "{text}");
        assert!(!text.contains("test-key"), "{text}");
    }

    #[test]
    fn the_helper_answers_in_order_and_ends_with_its_owner() {
        let clock = Clock::start();
        let (mut helper, thread) =
            RestHelper::start(client(&echo("http"), Duration::from_secs(5)), clock.clone()).unwrap();
        helper.get(1, "/first");
        helper.get(2, "/missing");
        let first = until(|| helper.poll());
        assert_eq!((first.request, first.result.unwrap().status), (1, 200));
        assert!(first.read_ns <= clock.now_ns());
        let second = until(|| helper.poll());
        assert_eq!((second.request, second.result.unwrap().status), (2, 404));
        drop(helper);
        ends(thread);
    }
}
