//! One hop between threads: rtrb, which the pipeline uses, compared with crossbeam's queue and channel. `latency` is
//! half of a round trip between two spinning threads, `throughput` a flood of messages in one direction. On a machine
//! without a core for each of the two threads, the figures show its scheduler.

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use crossbeam::channel;
use crossbeam::queue::ArrayQueue;

const CAPACITY: usize = 1_024;

type Message<const BYTES: usize> = [u8; BYTES];
type Send<const BYTES: usize> = Box<dyn FnMut(Message<BYTES>) -> bool + std::marker::Send>;
type Receive<const BYTES: usize> = Box<dyn FnMut() -> Option<Message<BYTES>> + std::marker::Send>;
type Ring<const BYTES: usize> = fn() -> (Send<BYTES>, Receive<BYTES>);

fn rtrb_ring<const BYTES: usize>() -> (Send<BYTES>, Receive<BYTES>) {
    let (mut sender, mut receiver) = kalshi_actor::host::ring::ring(CAPACITY);
    (Box::new(move |message| sender.push(message).is_ok()), Box::new(move || receiver.pop()))
}

fn array_queue<const BYTES: usize>() -> (Send<BYTES>, Receive<BYTES>) {
    let queue = Arc::new(ArrayQueue::new(CAPACITY));
    let reader = Arc::clone(&queue);
    (Box::new(move |message| queue.push(message).is_ok()), Box::new(move || reader.pop()))
}

fn bounded_channel<const BYTES: usize>() -> (Send<BYTES>, Receive<BYTES>) {
    let (sender, receiver) = channel::bounded(CAPACITY);
    (Box::new(move |message| sender.try_send(message).is_ok()), Box::new(move || receiver.try_recv().ok()))
}

/// Sends `count` messages back and forth, one at a time, and returns half of the total time.
fn latency<const BYTES: usize>(ring: Ring<BYTES>, count: u64) -> Duration {
    let ((mut send, mut receive_there), (mut send_back, mut receive)) = (ring(), ring());
    let echo = std::thread::spawn(move || {
        for _ in 0..count {
            let message = wait(&mut receive_there);
            while !send_back(message) {}
        }
    });
    let begin = Instant::now();
    for _ in 0..count {
        while !send([1; BYTES]) {}
        wait(&mut receive);
    }
    let elapsed = begin.elapsed();
    echo.join().expect("the echo only moves messages");
    elapsed / 2
}

/// Sends `count` messages as fast as the receiver takes them.
fn flood<const BYTES: usize>(ring: Ring<BYTES>, count: u64) -> Duration {
    let (mut send, mut receive) = ring();
    let begin = Instant::now();
    let writer = std::thread::spawn(move || {
        for _ in 0..count {
            while !send([1; BYTES]) {
                std::thread::yield_now();
            }
        }
    });
    for _ in 0..count {
        wait(&mut receive);
    }
    let elapsed = begin.elapsed();
    writer.join().expect("the writer only moves messages");
    elapsed
}

/// Spins for a while and then yields, which never happens with two cores.
fn wait<const BYTES: usize>(receive: &mut Receive<BYTES>) -> Message<BYTES> {
    for turn in 0_u32.. {
        if let Some(message) = receive() {
            return message;
        }
        if turn > 1_000 {
            std::thread::yield_now();
        } else {
            std::hint::spin_loop();
        }
    }
    unreachable!("the loop has no end")
}

fn hops<const BYTES: usize>(criterion: &mut Criterion) {
    let rings: [(&str, Ring<BYTES>); 3] =
        [("rtrb", rtrb_ring), ("array_queue", array_queue), ("channel", bounded_channel)];
    let mut group = criterion.benchmark_group(format!("ring/{BYTES}_bytes"));
    group.sample_size(20).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    for (name, ring) in rings {
        group.bench_function(format!("latency/{name}"), |b| b.iter_custom(|count| latency(ring, count)));
    }
    group.throughput(Throughput::Elements(1));
    for (name, ring) in rings {
        group.bench_function(format!("throughput/{name}"), |b| b.iter_custom(|count| flood(ring, count)));
    }
    group.finish();
}

criterion_group!(benches, hops::<64>, hops::<128>);
criterion_main!(benches);
