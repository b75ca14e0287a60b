//! A bounded ring between two threads. Owns the only way in which hot threads talk to each other: one producer, one
//! consumer, a fixed capacity, nobody blocks and nobody is woken. It may not drop a message without telling the sender,
//! and allocates only when it is made.

use crate::ports::Full;

/// Makes a ring with room for `capacity` messages.
///
/// # Panics
/// When `capacity` is zero: the configuration refuses that before.
#[must_use]
pub fn ring<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a ring without room delivers nothing");
    let (producer, consumer) = rtrb::RingBuffer::new(capacity);
    (Sender { producer, refused: 0 }, Receiver { consumer })
}

/// The end of a ring that is written. Belongs to one thread.
#[derive(Debug)]
pub struct Sender<T> {
    producer: rtrb::Producer<T>,
    refused: u64,
}

impl<T> Sender<T> {
    /// Sends a message.
    ///
    /// # Errors
    /// [`Full`] when there is no room; the message is dropped. Whoever sends something that must not be lost asks
    /// [`Sender::is_full`] first: room never shrinks between the two, since this is the only sender.
    pub fn push(&mut self, message: T) -> Result<(), Full> {
        self.producer.push(message).map_err(|_| {
            self.refused += 1;
            Full
        })
    }

    /// Whether a message would be refused now.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.producer.is_full()
    }

    /// How many messages would be taken now.
    #[cfg(feature = "internals")]
    #[must_use]
    pub fn room(&self) -> usize {
        self.producer.slots()
    }

    /// Whether the reading end is gone.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.producer.is_abandoned()
    }

    /// How many messages were refused.
    #[cfg(feature = "internals")]
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }
}

/// The end of a ring that is read. Belongs to one thread.
#[derive(Debug)]
pub struct Receiver<T> {
    consumer: rtrb::Consumer<T>,
}

impl<T> Receiver<T> {
    /// The oldest message, if there is one.
    pub fn pop(&mut self) -> Option<T> {
        self.consumer.pop().ok()
    }

    /// How many messages wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.consumer.slots()
    }

    /// Whether the writing end is gone.
    #[must_use]
    #[cfg(feature = "internals")]
    pub fn is_abandoned(&self) -> bool {
        self.consumer.is_abandoned()
    }

    /// How many messages fit.
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
