//! How much a client may send. Each size follows from a documented limit on what is inside, so that none of those can be
//! cut short by the size of its envelope.

/// The longest name of a market in a list (`GET /markets/orderbooks`, `maxLength`). Those of combos have 57 characters.
const TICKER_MAX: usize = 200;
/// The most names in a list of a query string.
const QUERY_LIST_MAX: usize = 100;
/// The most orders of a batch, and room for one of them with every field at its longest.
const BATCH_MAX: usize = 100;
const ORDER_MAX: usize = 4 * 1024;

/// The longest target of a request: a list of a query string may repeat its parameter for each name, and escape every
/// character.
pub const TARGET_MAX: usize = 64 * 1024;
const _: () = assert!(QUERY_LIST_MAX * ("&tickers=".len() + 3 * TICKER_MAX) + 1024 <= TARGET_MAX);

/// The longest head of a request: its line and its headers.
pub const HEAD_MAX: usize = TARGET_MAX + 32 * 1024;
/// The most headers of a request.
pub const HEADERS_MAX: usize = 100;

/// The longest body of a request, without what chunks add to it.
pub const BODY_MAX: usize = 1024 * 1024;
const _: () = assert!(BATCH_MAX * ORDER_MAX <= BODY_MAX);

/// The longest line that begins a chunk, its extensions included.
pub const CHUNK_LINE_MAX: usize = 4 * 1024;
/// The most that the extensions of a request's chunks may have together.
pub const CHUNK_EXTENSIONS_MAX: usize = 16 * 1024;
/// The longest trailer section.
pub const TRAILERS_MAX: usize = 16 * 1024;

/// The longest message of a WebSocket session that may name so many markets in a command. A list with somewhat more
/// markets fits too, and gets its error 26.
#[must_use]
pub const fn message_max(markets_max: usize) -> usize {
    // Two quotes, a comma and a space stand around each name.
    markets_max.saturating_mul(TICKER_MAX + 4).saturating_add(64 * 1024)
}
