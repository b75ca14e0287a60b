//! A bounded single-producer, single-consumer ring between two threads: the only channel between hot threads. It never
//! blocks, wakes no thread, and allocates only when it is created. It never drops a message without an error to the
//! sender.

use crate::ports::Full;

/// Creates a ring with room for `capacity` messages.
///
/// # Panics
/// When `capacity` is zero, which the configuration refuses.
#[must_use]
pub fn ring<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a ring without room delivers nothing");
    let (producer, consumer) = rtrb::RingBuffer::new(capacity);
    (Sender { producer, refused: 0 }, Receiver { consumer })
}

/// The writing end of a ring, owned by one thread.
#[derive(Debug)]
pub struct Sender<T> {
    producer: rtrb::Producer<T>,
    refused: u64,
}

impl<T> Sender<T> {
    /// # Errors
    /// [`Full`] when there is no room; the message is dropped. A caller with a message that must not be lost checks
    /// [`Sender::is_full`] first: room cannot shrink in between, since this is the only sender.
    pub fn push(&mut self, message: T) -> Result<(), Full> {
        self.producer.push(message).map_err(|_| {
            self.refused += 1;
            Full
        })
    }

    #[must_use]
    pub fn is_full(&self) -> bool {
        self.producer.is_full()
    }

    /// How many more messages fit now.
    #[cfg(feature = "internals")]
    #[must_use]
    pub fn room(&self) -> usize {
        self.producer.slots()
    }

    /// Whether the receiver has been dropped.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.producer.is_abandoned()
    }

    /// How many messages were refused since the ring was created.
    #[cfg(feature = "internals")]
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }
}

/// The reading end of a ring, owned by one thread.
#[derive(Debug)]
pub struct Receiver<T> {
    consumer: rtrb::Consumer<T>,
}

impl<T> Receiver<T> {
    /// Takes the oldest message, if there is one.
    pub fn pop(&mut self) -> Option<T> {
        self.consumer.pop().ok()
    }

    /// How many messages are in the ring.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.consumer.slots()
    }

    /// Whether the sender has been dropped.
    #[must_use]
    #[cfg(feature = "internals")]
    pub fn is_abandoned(&self) -> bool {
        self.consumer.is_abandoned()
    }

    #[cfg(feature = "internals")]
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.consumer.buffer().capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_ring_refuses_and_counts_and_takes_again_after_a_pop() {
        let (mut sender, mut receiver) = ring(2);
        assert_eq!((sender.push(1), sender.push(2), sender.push(3)), (Ok(()), Ok(()), Err(Full)));
        assert!(sender.is_full());
        assert_eq!(receiver.pop(), Some(1));
        assert_eq!((sender.room(), sender.push(4)), (1, Ok(())));
        assert_eq!((receiver.pop(), receiver.pop(), receiver.pop()), (Some(2), Some(4), None));
        assert_eq!((sender.refused(), receiver.capacity()), (1, 2));
    }

    #[test]
    fn messages_cross_threads_in_order_and_none_is_lost() {
        let (mut sender, mut receiver) = ring(64);
        let writer = std::thread::spawn(move || {
            for number in 0..50_000_u64 {
                while sender.push(number).is_err() {
                    std::thread::yield_now();
                }
            }
        });
        let mut expected = 0;
        while expected < 50_000 {
            match receiver.pop() {
                Some(number) => {
                    assert_eq!(number, expected);
                    expected += 1;
                }
                None => std::thread::yield_now(),
            }
        }
        writer.join().unwrap();
    }
}
