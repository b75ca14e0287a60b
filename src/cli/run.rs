//! `kalshi-actor run`.

use std::path::PathBuf;

use clap::Args;

use super::ConfigArgs;

/// A length of time such as `30s`, `5m` or `1h 30m`.
fn parse_duration(text: &str) -> Result<std::time::Duration, String> {
    let expected = "expected a positive length of time such as 30s, 5m or 1h30m";
    let duration: jiff::SignedDuration = text.parse().map_err(|_| expected.to_owned())?;
    match std::time::Duration::try_from(duration) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(expected.to_owned()),
    }
}

/// A speed such as `20` or `0.5`, in thousandths.
fn parse_speed(text: &str) -> Result<u32, String> {
    let expected = "expected a factor from 0.001 to 1000, with up to three decimals";
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() || fraction.len() > 3 || !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(expected.to_owned());
    }
    let milli: u32 = format!("{whole}{fraction:0<3}").parse().map_err(|_| expected.to_owned())?;
    if (1..=1_000_000).contains(&milli) { Ok(milli) } else { Err(expected.to_owned()) }
}

/// The arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Where to trade: sim (the embedded exchange), demo or prod
    #[arg(long, value_name = "VENUE")]
    pub venue: Option<VenueArg>,
    /// How long; without it 30s on the embedded exchange, to the end of recorded markets, and until stopped elsewhere
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub duration: Option<std::time::Duration>,
    /// What decides: onnx, maker, hold or script:FILE
    #[arg(long, value_name = "POLICY")]
    pub policy: Option<String>,
    /// The ONNX model; without it the one that is built in
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Market tickers separated by commas, or how many of the open ones
    #[arg(long, value_name = "A,B|N")]
    pub markets: Option<String>,
    /// Follow a series from market to market
    #[arg(long, value_name = "SERIES")]
    pub series: Option<String>,
    /// Trade recorded markets: frames files, .jsonl or .zst
    #[arg(long, value_name = "FRAMES", num_args = 1..)]
    pub from: Vec<PathBuf>,
    /// What recorded markets settle at: yes, no, or a YES price in dollars; without it their metadata decides, or they
    /// stay open
    #[arg(long, value_name = "RESULT", requires = "from")]
    pub result: Option<String>,
    /// How many times faster than the wall clock session time runs; embedded exchange only
    #[arg(long, value_name = "X", value_parser = parse_speed)]
    pub speed: Option<u32>,
    /// Seeds everything that is random in the embedded exchange
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The session's folder: journal and summary.json; without it a new one below ./sessions
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Send orders to demo or prod; without it they are matched on paper against the live feed
    #[arg(long)]
    pub live: bool,
    /// Needed with --venue prod --live
    #[arg(long)]
    pub i_accept_losses: bool,
    /// The configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// A venue on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum VenueArg {
    /// The embedded exchange
    Sim,
    /// Kalshi's demo environment
    Demo,
    /// Kalshi
    Prod,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_are_exact_thousandths() {
        assert_eq!(parse_speed("20"), Ok(20_000));
        assert_eq!(parse_speed("0.5"), Ok(500));
        for bad in ["", ".", "0", "-1", "1.2345", "fast", "1001", "1.2.3"] {
            assert!(parse_speed(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_are_positive_lengths_of_time() {
        assert_eq!(parse_duration("30s"), Ok(std::time::Duration::from_secs(30)));
        for bad in ["", "30", "0s", "-5s", "soon"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }
}
