//! Shared by the tests of this folder: real servers on loopback, with and without TLS.
//!
//! `localhost-cert.pem` is a self-signed certificate for `localhost` and 127.0.0.1, valid from 2020 to 2120, made with
//! `openssl ca -selfsign`. Its key protects nothing.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::host::clock::Clock;
use crate::host::idle::{Idle, IdleKind};
use crate::network::connect::Connector;
use crate::network::endpoint::Endpoint;
use crate::network::net::Trust;
use crate::wire::sign::{Credentials, Signer, generate_ed25519};

/// A connection accepted by a test server.
pub trait Peer: Read + Write + Send {}
impl<T: Read + Write + Send> Peer for T {}

/// Trusts only the certificate of the test servers.
pub fn trust() -> Trust {
    let pem = include_bytes!("localhost-cert.pem");
    Trust::Only(vec![CertificateDer::from_pem_slice(pem).unwrap()])
}

pub fn connector(clock: &Clock, timeout: Duration) -> Connector {
    Connector::start(trust().client_config().unwrap(), timeout, clock.clone()).unwrap().0
}

pub fn idle() -> Idle {
    Idle::new(IdleKind::Park).unwrap()
}

pub fn credentials() -> Arc<Credentials> {
    let signer = Signer::from_pem(&generate_ed25519().unwrap()).unwrap();
    Arc::new(Credentials { key_id: "test-key".to_owned(), signer })
}

fn server_tls() -> Arc<ServerConfig> {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("localhost-cert.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("localhost-key.pem")).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    Arc::new(builder.with_single_cert(vec![certificate], key).unwrap())
}

/// Starts a server that runs `serve` on a thread of its own for each accepted connection, numbered from zero. Returns
/// the address to connect to. The threads end with the test process.
pub fn server(scheme: &str, serve: impl Fn(usize, Box<dyn Peer>) + Send + Sync + 'static) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("{scheme}://localhost:{}", listener.local_addr().unwrap().port());
    let endpoint: Endpoint = url.parse().unwrap();
    let tls = endpoint.tls.then(server_tls);
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for (number, tcp) in listener.incoming().enumerate() {
            let (tls, serve) = (tls.clone(), Arc::clone(&serve));
            std::thread::spawn(move || serve(number, accept(tcp.unwrap(), tls)));
        }
    });
    endpoint
}

fn accept(tcp: TcpStream, tls: Option<Arc<ServerConfig>>) -> Box<dyn Peer> {
    tcp.set_nodelay(true).unwrap();
    match tls {
        None => Box::new(tcp),
        Some(config) => Box::new(StreamOwned::new(ServerConnection::new(config).unwrap(), tcp)),
    }
}

/// Reads one HTTP request with a `content-length` body and returns head and body together; empty when the client has
/// disconnected.
pub fn read_request(peer: &mut dyn Peer) -> String {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        match peer.read(&mut byte) {
            Ok(1) => bytes.push(byte[0]),
            _ => return String::new(),
        }
    }
    let head = String::from_utf8(bytes).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    peer.read_exact(&mut body).unwrap();
    head + std::str::from_utf8(&body).unwrap()
}

/// Calls `ask` until it returns a value.
///
/// # Panics
/// After ten seconds.
pub fn until<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begin.elapsed() < Duration::from_secs(10), "nothing came in ten seconds");
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// Waits for a helper thread that should end by itself.
pub fn ends(thread: JoinHandle<()>) {
    until(|| thread.is_finished().then_some(()));
    thread.join().unwrap();
}
