//! WebSocket commands, from client to server: `{"id":N,"cmd":"...","params":{...}}`.

use serde::{Deserialize, Serialize};

/// A command, as the client sends it and the exchange reads it. The exchange checks which parameters go with which command,
/// and responds with the documented error codes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// The client's number for the command; 0 means none.
    #[serde(default)]
    pub id: u64,
    /// `subscribe`, `unsubscribe`, `update_subscription` or `list_subscriptions`.
    #[serde(default)]
    pub cmd: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<CommandParams>,
}

/// The parameters of all commands; each command uses some of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CommandParams {
    /// The channels to subscribe to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<Vec<String>>,
    /// One market; exclusive with `market_tickers`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market_ticker: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market_tickers: Option<Vec<String>>,
    /// One market by id; `ticker` channel only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market_id: Option<String>,
    /// Markets by id; `ticker` channel only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market_ids: Option<Vec<String>>,
    /// Whether to send the current ticker at once; `ticker` channel only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_initial_snapshot: Option<bool>,
    /// Whether to leave the market lists out of `ok` replies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip_ticker_ack: Option<bool>,
    /// Whether NO levels are on the YES scale; `orderbook_delta` only. This client always sends it explicitly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_yes_price: Option<bool>,
    /// `add_markets`, `delete_markets` or `get_snapshot`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The subscription to update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<u64>,
    /// The subscriptions to end, or the one to update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sids: Option<Vec<u64>>,
    /// The fan-out of the `communications` channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard_factor: Option<i64>,
    /// The fan-out of the `communications` channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard_key: Option<i64>,
}
