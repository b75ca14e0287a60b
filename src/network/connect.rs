//! Makes connections without blocking a hot thread. One unpinned thread starts a short-lived thread for each connection
//! (name look-up, TCP, TLS, WebSocket handshake, all blocking with a deadline) and sends the connected, nonblocking
//! stream over a channel. A slow connection delays no other, and since the parent is unpinned, no helper runs on a hot
//! thread's core.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam::channel::{self, TryRecvError};
use rustls::ClientConfig;
use tungstenite::client::{ClientRequestBuilder, client_with_config};
use tungstenite::handshake::HandshakeError;
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Error as WsError, WebSocket};

use crate::host::clock::Clock;
use crate::network::endpoint::Endpoint;
use crate::network::net::NetStream;
use crate::network::signing::Signature;
use crate::ports::ConnectionLost;
use crate::wire::sign::Credentials;

/// The largest text frame that is accepted, in bytes. A snapshot of a full book on the finest grid is below 1 MiB.
pub const MESSAGE_BYTES_MAX: usize = 16 << 20;
/// The read buffer of a WebSocket. With tungstenite's default of 128 KiB a frame takes half a microsecond longer.
const READ_BUFFER_BYTES: usize = 4 << 10;

type Job = Box<dyn FnOnce() + Send>;

/// Makes connections. Clones share the helper thread, which ends when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Connector {
    jobs: channel::Sender<Job>,
    tls: Arc<ClientConfig>,
    timeout: Duration,
    clock: Clock,
}

/// A connection that is being made.
#[derive(Debug)]
pub struct Pending<T> {
    answer: channel::Receiver<Result<T, ConnectionLost>>,
}

impl<T> Pending<T> {
    /// Returns the connection or the error; `None` while it is still being made. Never blocks.
    pub fn poll(&mut self) -> Option<Result<T, ConnectionLost>> {
        match self.answer.try_recv() {
            Ok(result) => Some(result),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err(lost("the thread that connects has ended".to_owned()))),
        }
    }
}

fn lost(reason: String) -> ConnectionLost {
    ConnectionLost { reason, http_status: None }
}

impl Connector {
    /// Starts the helper thread. Must be called by the unpinned main thread.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(tls: Arc<ClientConfig>, timeout: Duration, clock: Clock) -> io::Result<(Self, JoinHandle<()>)> {
        let (jobs, queue) = channel::unbounded::<Job>();
        let thread = std::thread::Builder::new().name("connector".to_owned()).spawn(move || {
            for job in queue {
                // If no thread can be started, the job is dropped, and with it the sending end of its channel: the
                // caller sees that.
                if let Err(error) = std::thread::Builder::new().name("connect".to_owned()).spawn(job) {
                    tracing::error!(%error, "cannot start a thread for a connection");
                }
            }
        })?;
        Ok((Self { jobs, tls, timeout, clock }, thread))
    }

    /// Connects a stream, plain or TLS as the endpoint says.
    #[must_use]
    pub fn stream(&self, endpoint: &Endpoint) -> Pending<NetStream> {
        let (this, endpoint) = (self.clone_settings(), endpoint.clone());
        self.submit(move || {
            let mut stream = this.connect(&endpoint)?;
            set_nonblocking(&mut stream)?;
            Ok(stream)
        })
    }

    /// Connects a WebSocket. The handshake is signed just before it is sent.
    #[must_use]
    pub fn websocket(
        &self,
        endpoint: &Endpoint,
        credentials: Option<Arc<Credentials>>,
    ) -> Pending<WebSocket<NetStream>> {
        let (this, endpoint) = (self.clone_settings(), endpoint.clone());
        self.submit(move || {
            let stream = this.connect(&endpoint)?;
            upgrade(stream, &endpoint, credentials.as_deref())
        })
    }

    fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ConnectionLost> + Send + 'static,
    ) -> Pending<T> {
        let (reply, answer) = channel::bounded(1);
        let job: Job = Box::new(move || {
            // If the caller no longer wants the connection, it is dropped here.
            let _ = reply.send(work());
        });
        // If the connector has ended, the job is dropped and `Pending::poll` reports it.
        let _ = self.jobs.send(job);
        Pending { answer }
    }

    fn clone_settings(&self) -> Settings {
        Settings { tls: Arc::clone(&self.tls), timeout: self.timeout, clock: self.clock.clone() }
    }
}

/// What a job needs from its connector. A job must not hold the connector itself, or a queued job would keep its thread
/// alive.
struct Settings {
    tls: Arc<ClientConfig>,
    timeout: Duration,
    clock: Clock,
}

impl Settings {
    fn connect(&self, endpoint: &Endpoint) -> Result<NetStream, ConnectionLost> {
        NetStream::connect(endpoint, &self.tls, self.timeout, &self.clock)
    }
}

fn set_nonblocking(stream: &mut NetStream) -> Result<(), ConnectionLost> {
    stream.set_nonblocking().map_err(|error| lost(format!("cannot make a socket nonblocking: {error}")))
}

fn upgrade(
    stream: NetStream,
    endpoint: &Endpoint,
    credentials: Option<&Credentials>,
) -> Result<WebSocket<NetStream>, ConnectionLost> {
    let uri = endpoint.to_string().parse().map_err(|error| lost(format!("{endpoint} is not a URI: {error}")))?;
    let mut request = ClientRequestBuilder::new(uri).with_header("user-agent", crate::network::USER_AGENT);
    if let Some(credentials) = credentials {
        let signature = Signature::make(credentials, "GET", &endpoint.path, crate::host::clock::wall_ms())
            .map_err(|error| lost(format!("cannot sign the WebSocket handshake: {error}")))?;
        for (name, value) in signature.headers(&credentials.key_id) {
            request = request.with_header(name, value);
        }
    }
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(READ_BUFFER_BYTES)
        .max_write_buffer_size(MESSAGE_BYTES_MAX)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    let (mut socket, _response) = client_with_config(request, stream, Some(config)).map_err(|error| match error {
        HandshakeError::Failure(WsError::Http(response)) => ConnectionLost {
            reason: format!("{endpoint} refused the WebSocket handshake with HTTP {}", response.status()),
            http_status: Some(response.status().as_u16()),
        },
        HandshakeError::Failure(error) => lost(format!("the WebSocket handshake with {endpoint} failed: {error}")),
        HandshakeError::Interrupted(_) => lost(format!("the WebSocket handshake with {endpoint} timed out")),
    })?;
    set_nonblocking(socket.get_mut())?;
    Ok(socket)
}
