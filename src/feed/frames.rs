//! Turns the bytes of a frame into events. The sequence number is checked first, then the frame is handled by type.

use super::channels::{Channel, Seq};
use super::deliver::push_event;
use super::markets::Book;
use super::stage::FeedStage;
use crate::clock::Now;
use crate::market::{BookLevels, Count, Outcome, Price};
use crate::messages::{BookEvent, BookEventKind, FeedToDecide, NO_TIME_MS, Phase};
use crate::ports::{ConnectionId, FeedMessage, FeedPort, Refused};
use crate::record::Span;
use crate::wire::frame::{Delta, Envelope, Frame, Message, Snapshot, Trade, parse};

/// When a frame was read and parsed.
#[derive(Clone, Copy)]
struct Stamps {
    read_ns: u64,
    parsed_ns: u64,
}

impl FeedStage {
    /// A text frame was read at `read_ns` (monotonic).
    pub fn on_frame(
        &mut self,
        connection: ConnectionId,
        bytes: &[u8],
        read_ns: u64,
        now: Now,
        port: &mut impl FeedPort,
    ) {
        if !self.link.on_heard(connection, now) {
            self.counters.frames_of_old_connections += 1;
            return;
        }
        self.counters.frames += 1;
        self.frame_number += 1;
        let handed_ns = port.stamp_ns();
        let parsed = parse(bytes, &mut self.levels);
        let parsed_ns = port.stamp_ns();
        match parsed {
            Ok(frame) => {
                self.on_message(&frame, Stamps { read_ns, parsed_ns }, now, port);
                self.rehearsal.keep(self.frame_number, bytes, &frame);
            }
            Err(error) => {
                self.channels.accept_any_seq();
                self.doubt_frame(format!("frame {}: {error}", self.frame_number));
            }
        }
        // Recorded only after the event has been sent.
        port.latency(Span::Receive, handed_ns.saturating_sub(read_ns));
        port.latency(Span::Parse, parsed_ns.saturating_sub(handed_ns));
        self.settle(now, port);
    }

    /// A frame of a recording, parsed as it was read, with its levels if it is a snapshot.
    pub fn on_recorded(
        &mut self,
        connection: ConnectionId,
        frame: &Frame<'_>,
        levels: &BookLevels,
        now: Now,
        port: &mut impl FeedPort,
    ) {
        if !self.link.on_heard(connection, now) {
            self.counters.frames_of_old_connections += 1;
            return;
        }
        self.counters.frames += 1;
        self.frame_number += 1;
        if matches!(frame.message, Message::Snapshot(_)) {
            self.levels.yes.clone_from(&levels.yes);
            self.levels.no.clone_from(&levels.no);
        }
        let stamps = Stamps { read_ns: now.mono_ns, parsed_ns: now.mono_ns };
        self.on_message(frame, stamps, now, port);
        self.settle(now, port);
    }

    fn on_message(&mut self, frame: &Frame<'_>, stamps: Stamps, now: Now, port: &mut impl FeedPort) {
        let envelope = &frame.envelope;
        let channel = envelope.sid.and_then(|sid| self.channels.by_sid(sid));
        if let (Some(channel), Some(seq)) = (channel, envelope.seq)
            && self.channels.check_seq(channel, seq) == Seq::Gap
        {
            match &frame.message {
                Message::Delta(delta) if planted!(GapStalesOneMarket) => {
                    self.book_position(delta.ticker).into_iter().for_each(|position| self.mark_stale(position));
                }
                _ => self.on_gap(channel, seq),
            }
        }
        match &frame.message {
            Message::Delta(delta) => {
                if self.is_book_frame(envelope, channel, "orderbook_delta") {
                    self.on_delta(delta, envelope, stamps, now, port);
                }
            }
            Message::Snapshot(snapshot) => {
                if self.is_book_frame(envelope, channel, "orderbook_snapshot") {
                    self.on_snapshot(snapshot, envelope, stamps, now, port);
                }
            }
            Message::Trade(trade) => {
                if channel == Some(Channel::Trade) {
                    self.on_trade(trade, envelope, stamps, now, port);
                } else {
                    self.counters.unknown_sids += 1;
                }
            }
            Message::Lifecycle(lifecycle) => self.on_lifecycle(lifecycle, now),
            Message::EventFees(fees) => self.on_event_fees(fees, envelope.sending_ts_ms.unwrap_or(now.session_ms), now),
            Message::Subscribed { sid, .. } => self.on_subscribed(envelope, *sid),
            Message::Ok => self.on_ok(envelope),
            Message::Unsubscribed => self.on_unsubscribed(envelope),
            Message::Unusable(error) => {
                self.counters.unusable += 1;
                self.problem(format!("frame {}: {error}", self.frame_number));
            }
            Message::Error { code, text } => self.on_error(envelope, channel, *code, text, now, port),
            Message::Fill(_)
            | Message::UserOrder(_)
            | Message::MarketPosition(_)
            | Message::OrderGroup(_)
            | Message::Other(_) => {}
        }
    }

    fn on_gap(&mut self, channel: Channel, seq: u64) {
        if channel == Channel::Book {
            self.counters.seq_gaps += 1;
            self.problem(format!("book subscription: frame with seq {seq} is not the next one"));
            self.distrust_books();
        } else {
            self.counters.seq_gaps_other += 1;
        }
    }

    /// An unreadable frame may have been a delta, so all books become stale.
    fn doubt_frame(&mut self, problem: String) {
        self.counters.malformed += 1;
        self.problem(problem);
        self.distrust_books();
    }

    /// Whether a book frame may be applied: it belongs to the open book subscription and is next in its sequence.
    fn is_book_frame(&mut self, envelope: &Envelope, channel: Option<Channel>, what: &str) -> bool {
        match (envelope.sid, channel, envelope.seq) {
            (Some(_), Some(Channel::Book), Some(_)) => true,
            (Some(_), None, _) => {
                self.counters.unknown_sids += 1;
                false
            }
            _ => {
                let number = self.frame_number;
                self.doubt_frame(format!("frame {number}: {what}: expected the book subscription's sid and a seq"));
                false
            }
        }
    }

    /// The position of a book frame's market. A market that is not listed means that our view of the subscription is wrong.
    fn book_position(&mut self, ticker: &str) -> Option<usize> {
        let position = self.markets.find(ticker);
        if position.is_none() {
            self.counters.unknown_markets += 1;
            self.problem(format!("book frame of a market that is not listed: {}", excerpt(ticker)));
            self.distrust_books();
        }
        position
    }

    fn on_delta(&mut self, delta: &Delta<'_>, envelope: &Envelope, stamps: Stamps, now: Now, port: &mut impl FeedPort) {
        let Some(position) = self.book_position(delta.ticker) else { return };
        let seq = self.frame_number;
        let market = self.markets.get_mut(position).expect("the index names markets of the table");
        let time_ms = market.advance_time(delta.ts_ms.or(envelope.sending_ts_ms), now.session_ms);
        if market.phase == Phase::Listed {
            market.phase = Phase::Open;
            self.owed_status.insert(position);
        }
        if market.book != Book::Fresh && !planted!(StaleBookUsed) {
            self.counters.deltas_while_stale += 1;
            return;
        }
        let event = BookEvent {
            market: market.listing.market,
            kind: BookEventKind::Delta,
            side: delta.side,
            price: delta.price,
            change: delta.change,
            time_ms,
            exchange_ms: delta.ts_ms.unwrap_or(NO_TIME_MS),
            clock: delta.clock,
            seq,
            read_ns: stamps.read_ns,
            parsed_ns: stamps.parsed_ns,
        };
        match push_event(event, port) {
            Ok(()) => self.counters.deltas += 1,
            Err(_) => self.lost(position, port),
        }
    }

    fn on_snapshot(
        &mut self,
        snapshot: &Snapshot<'_>,
        envelope: &Envelope,
        stamps: Stamps,
        now: Now,
        port: &mut impl FeedPort,
    ) {
        let Some(position) = self.book_position(snapshot.ticker) else { return };
        self.flush_listings(now, port);
        let market = self.markets.get_mut(position).expect("the index names markets of the table");
        let time_ms = market.advance_time(envelope.sending_ts_ms, now.session_ms);
        if matches!(market.book, Book::Asked { .. }) {
            market.book = Book::Stale;
            self.asked -= 1;
        }
        market.on_book = true;
        if market.phase == Phase::Closed {
            self.note_phase_change(position);
        }
        let market = self.markets.get_mut(position).expect("the index names markets of the table");
        if !market.is_followed() {
            return;
        }
        if self.owed_listing.contains(position) {
            self.mark_stale(position);
            return;
        }
        let Some(spare) = self.spares.pop().or_else(|| port.take_levels()) else {
            self.counters.snapshots_without_buffer += 1;
            self.mark_stale(position);
            self.wanted.insert(position);
            return;
        };
        let event = BookEvent {
            market: market.listing.market,
            kind: BookEventKind::Snapshot,
            side: Outcome::Yes,
            price: Price::ZERO,
            change: Count::ZERO,
            time_ms,
            exchange_ms: envelope.sending_ts_ms.unwrap_or(NO_TIME_MS),
            clock: snapshot.clock,
            seq: self.frame_number,
            read_ns: stamps.read_ns,
            parsed_ns: stamps.parsed_ns,
        };
        let levels = std::mem::replace(&mut self.levels, spare);
        if let Err(Refused(levels)) = port.push(FeedMessage::Decide(FeedToDecide::Snapshot(event, levels))) {
            self.spares.extend(levels);
            self.lost(position, port);
            return;
        }
        self.counters.snapshots += 1;
        let was_fresh = market.book == Book::Fresh;
        market.book = Book::Fresh;
        market.misses = 0;
        market.decide_fresh = true;
        self.wanted.remove(position);
        self.owed_stale.remove(position);
        if !was_fresh {
            self.owed_status.insert(position);
        }
    }

    fn on_trade(&mut self, trade: &Trade<'_>, envelope: &Envelope, stamps: Stamps, now: Now, port: &mut impl FeedPort) {
        let seq = self.frame_number;
        let Some(position) = self.markets.find(trade.ticker) else {
            self.counters.trades_lost += 1;
            return;
        };
        let market = self.markets.get_mut(position).expect("the index names markets of the table");
        let time_ms = market.advance_time(trade.ts_ms.or(envelope.sending_ts_ms), now.session_ms);
        if market.phase == Phase::Listed {
            market.phase = Phase::Open;
            self.owed_status.insert(position);
        }
        if market.book != Book::Fresh {
            self.counters.trades_lost += 1;
            return;
        }
        let event = BookEvent {
            market: market.listing.market,
            kind: BookEventKind::Trade,
            side: trade.taker_outcome,
            price: trade.yes_price,
            change: trade.count,
            time_ms,
            exchange_ms: trade.ts_ms.unwrap_or(NO_TIME_MS),
            clock: 0,
            seq,
            read_ns: stamps.read_ns,
            parsed_ns: stamps.parsed_ns,
        };
        if push_event(event, port).is_ok() {
            self.counters.trades += 1;
        } else {
            self.counters.trades_lost += 1;
            self.lost(position, port);
        }
    }
}

/// A text from the exchange, shortened for a log line.
pub(super) fn excerpt(text: &str) -> String {
    text.chars().take(80).collect()
}
