//! One TCP connection, with or without TLS. It is established on a helper thread, blocking with a deadline, and is
//! nonblocking for the rest of its life.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use crate::host::clock::Clock;
use crate::network::endpoint::Endpoint;
use crate::ports::ConnectionLost;

/// Which certificate authorities are trusted.
#[derive(Clone, Debug, Default)]
pub enum Trust {
    /// Mozilla's list, as of when this program was built.
    #[default]
    WebPki,
    /// Only these.
    #[cfg_attr(not(feature = "internals"), expect(dead_code, reason = "tests have authorities of their own"))]
    Only(Vec<CertificateDer<'static>>),
}

impl Trust {
    /// The TLS settings of every connection: TLS 1.2 or 1.3 by aws-lc-rs, with certificates always verified.
    ///
    /// # Errors
    /// When a certificate of [`Trust::Only`] cannot be read.
    pub fn client_config(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
        let mut roots = RootCertStore::empty();
        match self {
            Self::WebPki => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Self::Only(certificates) => {
                for certificate in certificates {
                    roots.add(certificate.clone())?;
                }
            }
        }
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(config))
    }
}

/// A connection. Reads and writes block, at most until the deadline, until [`NetStream::set_nonblocking`] is called.
#[derive(Debug)]
pub struct NetStream {
    tcp: TcpStream,
    tls: Option<Box<ClientConnection>>,
    clock: Clock,
    read_ns: u64,
    deadline: Option<Instant>,
}

impl NetStream {
    /// Connects, including the TLS handshake. Blocks up to `timeout`; only a name look-up may take longer.
    ///
    /// # Errors
    /// When the name look-up, the connection or the handshake fails or takes too long.
    pub fn connect(
        endpoint: &Endpoint,
        tls: &Arc<ClientConfig>,
        timeout: Duration,
        clock: &Clock,
    ) -> Result<Self, ConnectionLost> {
        let deadline = Instant::now() + timeout;
        let lost = |what: &str, error: &dyn std::fmt::Display| ConnectionLost {
            reason: format!("{what} {}:{}: {error}", endpoint.host, endpoint.port),
            http_status: None,
        };
        let tcp = connect_tcp(endpoint, deadline).map_err(|error| lost("cannot connect to", &error))?;
        let mut stream = Self { tcp, tls: None, clock: clock.clone(), read_ns: 0, deadline: Some(deadline) };
        if endpoint.tls {
            let name = ServerName::try_from(endpoint.host.clone()).map_err(|error| lost("no TLS name in", &error))?;
            let connection =
                ClientConnection::new(Arc::clone(tls), name).map_err(|error| lost("cannot set up TLS for", &error))?;
            stream.handshake(connection).map_err(|error| lost("TLS handshake failed with", &error))?;
        }
        Ok(stream)
    }

    fn handshake(&mut self, mut connection: ClientConnection) -> io::Result<()> {
        while connection.is_handshaking() {
            self.arm_deadline()?;
            connection.complete_io(&mut self.tcp).map_err(as_timeout)?;
        }
        self.tls = Some(Box::new(connection));
        Ok(())
    }

    /// Makes reads and writes return [`ErrorKind::WouldBlock`] instead of waiting.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn set_nonblocking(&mut self) -> io::Result<()> {
        self.tcp.set_nonblocking(true)?;
        self.deadline = None;
        Ok(())
    }

    /// When bytes were last read from the kernel, on the driver's monotonic clock.
    #[must_use]
    pub fn read_ns(&self) -> u64 {
        self.read_ns
    }

    /// Whether TLS holds records that the kernel has not taken yet. [`Write::flush`] tries again.
    #[must_use]
    pub fn wants_flush(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    fn arm_deadline(&self) -> io::Result<()> {
        let Some(deadline) = self.deadline else { return Ok(()) };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        self.tcp.set_read_timeout(Some(left))?;
        self.tcp.set_write_timeout(Some(left))
    }

    /// Hands encrypted records to the kernel as long as it takes them.
    fn push_records(&mut self) -> io::Result<()> {
        let Some(tls) = &mut self.tls else { return Ok(()) };
        while tls.wants_write() {
            if tls.write_tls(&mut self.tcp)? == 0 {
                return Err(ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }
}

/// A socket with a time-out reports `WouldBlock` when the time is up. Translates that to a time-out.
fn as_timeout(error: io::Error) -> io::Error {
    if error.kind() == ErrorKind::WouldBlock { ErrorKind::TimedOut.into() } else { error }
}

fn connect_tcp(endpoint: &Endpoint, deadline: Instant) -> io::Result<TcpStream> {
    let mut last_error = io::Error::new(ErrorKind::NotFound, "the name has no address");
    for address in (endpoint.host.as_str(), endpoint.port).to_socket_addrs()? {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(tcp) => {
                tcp.set_nodelay(true)?;
                return Ok(tcp);
            }
            Err(error) => last_error = error,
        }
    }
    Err(last_error)
}

impl Read for NetStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.arm_deadline()?;
            let Some(tls) = &mut self.tls else {
                let count = self.tcp.read(buffer)?;
                self.read_ns = self.clock.now_ns();
                return Ok(count);
            };
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                plaintext => return plaintext,
            }
            tls.read_tls(&mut self.tcp)?;
            self.read_ns = self.clock.now_ns();
            let processed = tls.process_new_packets();
            // Replies to key updates and alerts are sent at once. What the kernel does not take now goes with the next
            // write.
            let pushed = self.push_records();
            processed.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
            match pushed {
                Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
                _ => {}
            }
        }
    }
}

impl Write for NetStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.arm_deadline()?;
        let Some(tls) = &mut self.tls else { return self.tcp.write(bytes) };
        let count = tls.writer().write(bytes)?;
        match self.push_records() {
            // The TLS buffer was full. There may be room now, but the caller retries as with any socket.
            Ok(()) if count == 0 && !bytes.is_empty() => Err(ErrorKind::WouldBlock.into()),
            // The bytes are encrypted and buffered, which counts as written.
            Err(error) if error.kind() == ErrorKind::WouldBlock && count > 0 => Ok(count),
            pushed => pushed.map(|()| count),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.arm_deadline()?;
        self.push_records()
    }
}

impl AsFd for NetStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.tcp.as_fd()
    }
}
