//! Handles the answers to requests, and requests without an answer.

use super::fetch::Fetch;
use super::job::{Job, Purpose};
use super::stage::ReconcileStage;
use crate::clock::{NEVER_NS, Now};
use crate::messages::{AccountEvent, Refusal};
use crate::ports::{ReconcilePort, RequestId};
use crate::wire::error::ErrorBody;

/// HTTP 429 Too Many Requests.
const RATE_LIMITED: u16 = 429;

impl ReconcileStage {
    /// A request was answered. The body was read at `read_ns` (monotonic).
    pub fn on_answer(
        &mut self,
        request: RequestId,
        http_status: u16,
        body: &[u8],
        read_ns: u64,
        now: Now,
        port: &mut impl ReconcilePort,
    ) {
        if let Some((index, mut job)) = self.take_answered(request) {
            job.read_ns = read_ns;
            match self.read_answer(&mut job, http_status, body) {
                Ok(()) => {
                    // The pauses of a read that restarts for other reasons keep growing, and for a read whose list
                    // never ends, a single answer is not a success.
                    if !job.endless && std::mem::take(&mut job.failures) > 0 {
                        job.backoff.reset();
                    }
                    self.jobs.insert(index, job);
                }
                Err(problem) => {
                    self.refused_access(http_status, &ErrorBody::parse(http_status, body).code);
                    if http_status == RATE_LIMITED {
                        self.counters.rate_limited += 1;
                    } else {
                        self.problem(problem);
                    }
                    self.failed(index, job, now);
                }
            }
        }
        self.settle(now, port);
    }

    /// Tells `execute` if the exchange refused our credentials.
    pub(super) fn refused_access(&mut self, http_status: u16, code: &str) {
        self.outbox.extend(Refusal::of(http_status, code).map(AccountEvent::Refused));
    }

    /// A request has no answer: the connection failed or it took too long. The reason must not contain a secret.
    pub fn on_no_answer(&mut self, request: RequestId, reason: &str, now: Now, port: &mut impl ReconcilePort) {
        self.no_answer(request, reason, now);
        self.settle(now, port);
    }

    pub(super) fn no_answer(&mut self, request: RequestId, reason: &str, now: Now) {
        if let Some((index, job)) = self.take_answered(request) {
            let path = job.fetches.front().map(Fetch::path).unwrap_or_default();
            self.problem(format!("GET {path}: {reason}"));
            self.failed(index, job, now);
        }
    }

    pub(super) fn answer_deadline_ns(&self) -> u64 {
        self.in_flight.map_or(NEVER_NS, |(_, _, sent_ns)| sent_ns.saturating_add(self.config.answer_timeout_ns))
    }

    /// Takes the read that a request belongs to, unless it has been replaced in the meantime.
    fn take_answered(&mut self, request: RequestId) -> Option<(usize, Job)> {
        let (_, serial, _) = self.in_flight.take_if(|in_flight| in_flight.0 == request)?;
        let index = self.jobs.iter().position(|job| job.serial == serial)?;
        Some((index, self.jobs.remove(index)))
    }

    fn read_answer(&mut self, job: &mut Job, http_status: u16, body: &[u8]) -> Result<(), String> {
        let Some(fetch) = job.fetches.front().cloned() else { return Ok(()) };
        // An exchange that is down reports its status with these two codes.
        let tells_status = fetch == Fetch::Status && matches!(http_status, 503 | 504);
        let told = job.gathered.unusable.len();
        let next = if http_status == 200 || tells_status {
            fetch.read(body, &mut job.gathered, &mut self.directory)?
        } else if http_status == 404 && fetch.read_nothing(&mut job.gathered, &mut self.directory) {
            None
        } else {
            let text: String = String::from_utf8_lossy(body).chars().take(120).collect();
            return Err(format!("GET {}: HTTP {http_status}: {text}", fetch.path()));
        };
        job.fetches.pop_front();
        for unusable in &job.gathered.unusable[told..] {
            self.counters.unusable += 1;
            self.problem(unusable.to_string());
        }
        if let Some(page) = next {
            job.pages += 1;
            match page.follow(job.pages, self.config.pages_max, &mut job.gathered) {
                Ok(()) => job.fetches.push_front(page),
                // The markets that were read can be used; nothing follows for those that were not.
                Err(problem) if matches!(page, Fetch::Markets { .. }) => self.problem(problem),
                Err(problem) => {
                    job.endless = true;
                    return Err(problem);
                }
            }
        }
        Ok(())
    }

    /// A request of a read failed: it is retried after a pause, or the read is given up.
    fn failed(&mut self, index: usize, mut job: Job, now: Now) {
        self.counters.failed_requests += 1;
        job.failures += 1;
        if job.purpose.skips_after().is_some_and(|failures| job.failures >= failures) {
            job.fetches.pop_front();
            job.failures = 0;
            return self.jobs.insert(index, job);
        }
        if !job.purpose.never_ends() && job.failures >= self.config.attempts {
            self.counters.incomplete_reads += 1;
            if let Purpose::Query { kind, query, .. } = job.purpose {
                let as_of_ms = job.begun.unwrap_or(now).session_ms;
                self.outbox.push_back(AccountEvent::ReadBegin { query, kind });
                self.outbox.push_back(AccountEvent::ReadEnd { query, kind, complete: false, as_of_ms });
            }
            return;
        }
        let pause_ns = job.backoff.next_ns();
        if job.endless {
            job.restart(now.mono_ns.saturating_add(pause_ns));
        }
        job.not_before_ns = now.mono_ns.saturating_add(pause_ns);
        self.jobs.insert(index, job);
    }
}
