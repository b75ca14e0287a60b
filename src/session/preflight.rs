//! Checks a venue before anything is sent to it: that it answers, whether its exchange is up, that the clocks agree,
//! and that it accepts our credentials. A request without an answer is retried a few times; after that the session does
//! not start.

use std::time::Duration;

use thiserror::Error;

use crate::network::net::Trust;
use crate::network::rest::{RestAnswer, RestClient};
use crate::network::venue::Venue;
use crate::session::clock_watch::{ClockError, STATUS_PATH, check_clock};
use crate::wire::error::ErrorBody;
use crate::wire::markets::ExchangeStatus;

/// How long to wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Pauses before a request is retried.
const RETRIES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];
/// A read that every valid key of the account may do, and nobody else.
const ACCOUNT_PATH: &str = "/trade-api/v2/account/limits";

#[derive(Debug, Error)]
pub enum PreflightError {
    /// A question was not answered.
    #[error("{question} remains unknown after {attempts} attempts, so nothing is started: {problem}")]
    Unknown {
        question: &'static str,
        attempts: usize,
        /// What came in response to the last attempt.
        problem: String,
    },
    /// The venue refuses our credentials.
    #[error(
        "the credentials are refused (HTTP {status}, {code}): expected an API key of this venue that is valid, with its \
         private key (KALSHI_API_KEY_ID, KALSHI_PRIVATE_KEY_PATH)"
    )]
    Refused {
        status: u16,
        /// The exchange's error code.
        code: String,
    },
    /// This machine's clock is wrong, or the venue's could not be read.
    #[error(transparent)]
    Clock(#[from] ClockError),
}

enum Failed {
    Again(String),
    ForGood(PreflightError),
}

impl From<String> for Failed {
    fn from(problem: String) -> Self {
        Self::Again(problem)
    }
}

/// Checks everything that live trading relies on.
///
/// # Errors
/// What is unknown, wrong, or refused.
pub(super) fn check_venue(venue: &Venue, clock_error: Duration) -> Result<(), PreflightError> {
    let client = RestClient::new(&venue.rest, &Trust::WebPki, None, TIMEOUT);
    ask("the state of the exchange", || exchange_state(&client))?;
    ask("the venue's time", || {
        check_clock(&client, clock_error).map_err(|error| match error {
            ClockError::Off { .. } => Failed::ForGood(error.into()),
            unread => Failed::Again(unread.to_string()),
        })
    })?;
    check_credentials(venue)
}

/// Checks that the venue accepts the credentials for its feed and for the account.
///
/// # Errors
/// When it refuses them, or does not answer.
pub(super) fn check_credentials(venue: &Venue) -> Result<(), PreflightError> {
    let client = RestClient::new(&venue.rest, &Trust::WebPki, Some(venue.credentials.clone()), TIMEOUT);
    ask("whether the venue takes the credentials", || {
        let answer = client.get(ACCOUNT_PATH).map_err(|error| error.to_string())?;
        match answer.status {
            200 => Ok(()),
            status @ (401 | 403) => {
                let body = ErrorBody::parse(status, &answer.body);
                let code = body.details.map_or(body.code.clone(), |details| format!("{}: {details}", body.code));
                Err(Failed::ForGood(PreflightError::Refused { status, code }))
            }
            _ => Err(told(ACCOUNT_PATH, &answer).into()),
        }
    })
}

/// The exchange says how it is. One that is down may say so with an error status; one that is up with an error status
/// contradicts itself.
fn exchange_state(client: &RestClient) -> Result<(), Failed> {
    let answer = client.get(STATUS_PATH).map_err(|error| error.to_string())?;
    let status: Result<ExchangeStatus, _> = serde_json::from_slice(&answer.body);
    match (answer.status, status) {
        (200, Ok(_)) => Ok(()),
        (503 | 504, Ok(status)) if !(status.exchange_active && status.trading_active) => Ok(()),
        _ => Err(told(STATUS_PATH, &answer).into()),
    }
}

fn told(path: &str, answer: &RestAnswer) -> String {
    let text: String = String::from_utf8_lossy(&answer.body).chars().take(120).collect();
    format!("GET {path}: HTTP {}: {text}", answer.status)
}

fn ask(question: &'static str, mut attempt: impl FnMut() -> Result<(), Failed>) -> Result<(), PreflightError> {
    let mut pauses = RETRIES.iter();
    loop {
        let problem = match attempt() {
            Ok(()) => return Ok(()),
            Err(Failed::ForGood(error)) => return Err(error),
            Err(Failed::Again(problem)) => problem,
        };
        let Some(pause) = pauses.next() else {
            return Err(PreflightError::Unknown { question, attempts: RETRIES.len() + 1, problem });
        };
        tracing::warn!("{question} is unknown, asked again: {problem}");
        std::thread::sleep(*pause);
    }
}
