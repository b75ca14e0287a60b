//! Limits on what a client may send. Each follows from a documented limit on the content, so that no permitted content is
//! rejected because of the size of its envelope.

/// The longest ticker in a list (`GET /markets/orderbooks`, `maxLength`). Tickers of combos have 57 characters.
const TICKER_MAX: usize = 200;
/// The most tickers in a list in a query string.
const QUERY_LIST_MAX: usize = 100;
/// The most orders in a batch, and the space for one of them with every field at its longest.
const BATCH_MAX: usize = 100;
const ORDER_MAX: usize = 4 * 1024;

/// The longest request target: a list in a query string may repeat its parameter for each ticker and escape every character.
pub const TARGET_MAX: usize = 64 * 1024;
const _: () = assert!(QUERY_LIST_MAX * ("&tickers=".len() + 3 * TICKER_MAX) + 1024 <= TARGET_MAX);

/// The longest request head: its first line and its headers.
pub const HEAD_MAX: usize = TARGET_MAX + 32 * 1024;
/// The most headers in a request.
pub const HEADERS_MAX: usize = 100;

/// The longest request body, without the overhead of chunks.
pub const BODY_MAX: usize = 1024 * 1024;
const _: () = assert!(BATCH_MAX * ORDER_MAX <= BODY_MAX);

/// The longest line before a chunk, including its extensions.
pub const CHUNK_LINE_MAX: usize = 4 * 1024;
/// The total size of the extensions of a request's chunks.
pub const CHUNK_EXTENSIONS_MAX: usize = 16 * 1024;
/// The longest trailer section.
pub const TRAILERS_MAX: usize = 16 * 1024;

/// The longest message of a WebSocket session in which a command may name this many markets. A list with somewhat more
/// markets fits too, and gets its error 26.
#[must_use]
pub const fn message_max(markets_max: usize) -> usize {
    // Each ticker is surrounded by two quotes, a comma and a space.
    markets_max.saturating_mul(TICKER_MAX + 4).saturating_add(64 * 1024)
}
