//! The other end of the sockets: a thread that writes a delta on request and answers order writes. It spins, so that no
//! write of the measured side includes waking it.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use tungstenite::{Error as WsError, Message, WebSocket};

use super::tick::{answer, delta, replies};

#[derive(Default)]
struct Orders {
    wanted: AtomicU64,
    over: AtomicBool,
}

/// The running exchange.
pub struct BenchExchange {
    pub feed: SocketAddr,
    pub rest: SocketAddr,
    orders: Arc<Orders>,
    thread: Option<JoinHandle<()>>,
}

impl BenchExchange {
    pub fn start() -> Self {
        let listen = || TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let (feed, rest) = (listen(), listen());
        let addresses = [&feed, &rest].map(|listener| listener.local_addr().expect("it is bound"));
        let orders = Arc::new(Orders::default());
        let shared = Arc::clone(&orders);
        let thread = std::thread::spawn(move || run(&feed, &rest, &shared));
        Self { feed: addresses[0], rest: addresses[1], orders, thread: Some(thread) }
    }

    /// Has the next delta written: the best bid moves by three cents, alternately up and down.
    pub fn tick(&self) {
        self.orders.wanted.fetch_add(1, Ordering::Release);
    }
}

impl Drop for BenchExchange {
    fn drop(&mut self) {
        self.orders.over.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the exchange of the bench ends in good order");
        }
    }
}

fn run(feed: &TcpListener, rest: &TcpListener, orders: &Orders) {
    let (stream, _) = feed.accept().expect("the feed connects");
    stream.set_nodelay(true).expect("a TCP option");
    let mut socket = tungstenite::accept(stream).expect("a WebSocket handshake");
    socket.get_ref().set_nonblocking(true).expect("a socket option");
    rest.set_nonblocking(true).expect("a socket option");
    let (mut lines, mut seq, mut ticks) = (Vec::<Line>::new(), 0, 0);
    while !orders.over.load(Ordering::Acquire) {
        while ticks < orders.wanted.load(Ordering::Acquire) {
            seq += 1;
            send(&mut socket, delta(ticks, seq));
            ticks += 1;
        }
        match socket.read() {
            Ok(message) if message.is_text() => obey(&mut socket, message.to_text().expect("text"), &mut seq),
            Ok(_) => {}
            Err(WsError::Io(error)) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
        if let Ok((stream, _)) = rest.accept() {
            stream.set_nodelay(true).expect("a TCP option");
            stream.set_nonblocking(true).expect("a socket option");
            lines.push(Line { stream, received: Vec::new() });
        }
        lines.retain_mut(Line::serve);
        std::thread::yield_now();
    }
}

fn send(socket: &mut WebSocket<TcpStream>, frame: String) {
    socket.send(Message::text(frame)).expect("the kernel takes a small frame");
}

/// Answers a command of the feed, including a snapshot where one is due.
fn obey(socket: &mut WebSocket<TcpStream>, text: &str, seq: &mut u64) {
    for frame in replies(text, seq) {
        send(socket, frame);
    }
}

/// A connection for orders.
struct Line {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Line {
    /// Answers a request once it is complete. Returns `false` when the connection has ended.
    fn serve(&mut self) -> bool {
        let mut piece = [0; 4_096];
        match self.stream.read(&mut piece) {
            Ok(0) => return false,
            Ok(count) => self.received.extend_from_slice(&piece[..count]),
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut request = httparse::Request::new(&mut headers);
        let Ok(httparse::Status::Complete(head)) = request.parse(&self.received) else { return true };
        let length = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
        let length: usize = length
            .and_then(|header| std::str::from_utf8(header.value).ok()?.parse().ok())
            .expect("an order write has a length");
        if self.received.len() < head + length {
            return true;
        }
        let amends = request.path.is_some_and(|path| path.ends_with("/amend"));
        let answer = answer(amends, &self.received[head..head + length]);
        let status = if amends { "200 OK" } else { "201 Created" };
        self.received.clear();
        write!(self.stream, "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{answer}", answer.len()).is_ok()
    }
}
