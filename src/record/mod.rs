//! The record stage: journal, histograms, summary.

/// A measured stretch of a tick's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Stage {
    /// Frame read to frame parsed.
    Parse = 0,
    /// Event received to book updated.
    Book,
    /// Book updated to observation complete.
    Observe,
    /// Observation to policy answer.
    Infer,
    /// Policy answer to intent ready.
    Decide,
    /// Intent received to risk gate passed.
    Risk,
    /// Risk gate passed to order bytes handed to the kernel.
    Write,
    /// Oldest frame since the market's last decision read, to order bytes handed to the kernel.
    TickToWire,
    /// Newest frame read to order bytes handed to the kernel.
    NewestToWire,
    /// Order bytes written to answer read.
    OrderRoundTrip,
    /// Fill frame read to the portfolio update that carries it handled by `decide`.
    FillToPortfolio,
    /// Newest frame of a decision read to the portfolio update with its verdict handled by `decide`.
    BookToPortfolio,
}
