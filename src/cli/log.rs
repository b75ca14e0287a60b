//! The log of the cold threads, on the standard error. Parses `KALSHI_ACTOR_LOG`.

use std::io;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::out::note;

/// The environment variable that says what is logged: a level, or levels by module.
const VARIABLE: &str = "KALSHI_ACTOR_LOG";

/// Starts the log. An invalid value is reported and replaced by the default, since a command such as `kill` must not
/// fail because of its log.
pub(super) fn start() {
    let value = std::env::var_os(VARIABLE).unwrap_or_default();
    let targets = parse(&value.to_string_lossy()).unwrap_or_else(|problem| {
        note!("warning: {VARIABLE}: {problem}; using `warn`");
        default()
    });
    // If the terminal has gone, logging must not end the thread: by default the layer would panic.
    let lines = fmt::layer().with_writer(io::stderr).with_target(false).log_internal_errors(false);
    tracing_subscriber::registry().with(targets).with(lines).init();
}

fn default() -> Targets {
    Targets::new().with_default(LevelFilter::WARN)
}

/// Parses `info`, `kalshi_actor::network=debug`, or several of these separated by commas. An empty value is the default.
fn parse(value: &str) -> Result<Targets, String> {
    if value.trim().is_empty() {
        return Ok(default());
    }
    let mut targets = Targets::new();
    for directive in value.split(',').map(str::trim) {
        let (target, level) = match directive.split_once('=') {
            Some((target, level)) => (Some(target.trim()), level.trim()),
            None => (None, directive),
        };
        let level: LevelFilter =
            level.parse().ok().filter(|_| !level.is_empty() && target != Some("")).ok_or_else(|| {
                format!(
                    "`{directive}`: expected off, error, warn, info, debug or trace, or `module=level` such as \
                 `kalshi_actor::network=debug`"
                )
            })?;
        targets = match target {
            Some(target) => targets.with_target(target, level),
            None => targets.with_default(level),
        };
    }
    Ok(targets)
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::filter::LevelFilter;

    use super::parse;

    #[test]
    fn levels_and_levels_of_modules_are_read() {
        assert_eq!(parse("").unwrap().default_level(), Some(LevelFilter::WARN));
        assert_eq!(parse(" Info ").unwrap().default_level(), Some(LevelFilter::INFO));
        let targets = parse("error, kalshi_actor::network=debug").unwrap();
        assert_eq!(targets.default_level(), Some(LevelFilter::ERROR));
        assert!(targets.would_enable("kalshi_actor::network::rest", &tracing::Level::DEBUG));
        assert!(!targets.would_enable("kalshi_actor::exchange", &tracing::Level::WARN));
        assert!(!parse("off").unwrap().would_enable("kalshi_actor", &tracing::Level::ERROR));
    }

    #[test]
    fn a_misspelt_level_is_named_with_what_was_expected() {
        for value in ["inof", "info,", "kalshi_actor=", "=debug", "kalshi_actor=loud", "a=b=info"] {
            let problem = parse(value).unwrap_err();
            assert!(problem.contains("expected off, error, warn"), "{value}: {problem}");
        }
    }
}
