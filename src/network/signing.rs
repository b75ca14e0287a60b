//! Makes signatures before they are needed: a helper thread signs, and a cache in the hot thread hands the signatures
//! out. The signed string is timestamp + method + path, so one signature serves any body. It is used for at most
//! [`SIGNATURE_AGE_MAX_MS`], well within what the exchange accepts.
//!
//! Creates and batched cancels have constant paths, which are kept signed at all times. The path of an amend contains
//! the order's id; it is kept signed once [`SignatureCache::presign`] has named it. A request without a fresh signature
//! is signed in place, which takes 200 us with an RSA key.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::host::clock::wall_ms;
use crate::host::ring::{Receiver, Sender, ring};
use crate::wire::sign::{Credentials, SignError, SignatureText, signed_headers};

/// The maximum age of a signature at its use.
pub const SIGNATURE_AGE_MAX_MS: i64 = 2_000;
/// How often the helper renews its signatures: half the maximum age, so that one late round does no harm.
const RENEW_MS: i64 = SIGNATURE_AGE_MAX_MS / 2;
/// How long the helper sleeps between checks for new jobs.
const HELPER_NAP: Duration = Duration::from_millis(1);
/// How many paths are kept signed besides the constant ones; a new one replaces the oldest. With an RSA-2048 key this
/// many take the helper 1.3% of a core.
const NAMED_PATHS_MAX: usize = 64;
/// Room for `/trade-api/v2/portfolio/events/orders/{uuid}/amend`, which has 80.
const PATH_BYTES_MAX: usize = 128;

/// A signature and its timestamp. It has a fixed size, so that it can be sent through a ring.
#[derive(Clone, Debug)]
pub struct Signature {
    timestamp_ms: i64,
    text: SignatureText,
}

impl Signature {
    /// Signs timestamp, method and path. Blocks the thread while the key is used: 200 us for RSA-2048.
    ///
    /// # Errors
    /// When the three together are too long, or the cryptographic library fails.
    pub fn make(credentials: &Credentials, method: &str, path: &str, wall_ms: i64) -> Result<Self, SignError> {
        let mut text = SignatureText::new();
        credentials.signer.sign(wall_ms, method, path, &mut text)?;
        Ok(Self { timestamp_ms: wall_ms, text })
    }

    /// The wall-clock time that was signed, in milliseconds.
    #[must_use]
    pub fn timestamp_ms(&self) -> i64 {
        self.timestamp_ms
    }

    /// The base64 text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.as_str()
    }

    /// The three authentication headers of a request.
    #[must_use]
    pub fn headers(&self, key_id: &str) -> [(&'static str, String); 3] {
        signed_headers(key_id, self.timestamp_ms, &self.text)
    }

    /// Whether the signature may be used at this wall-clock time. A timestamp in the future means that the clock has
    /// been set back, and is not fresh.
    #[must_use]
    pub fn is_fresh(&self, wall_ms: i64) -> bool {
        (0..=SIGNATURE_AGE_MAX_MS).contains(&(wall_ms - self.timestamp_ms))
    }
}

/// The signed method and path.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Target {
    method: &'static str,
    len: u8,
    path: [u8; PATH_BYTES_MAX],
}

impl Target {
    /// `None` for a path longer than [`PATH_BYTES_MAX`].
    fn new(method: &'static str, path: &str) -> Option<Self> {
        let mut bytes = [0; PATH_BYTES_MAX];
        bytes.get_mut(..path.len())?.copy_from_slice(path.as_bytes());
        Some(Self { method, len: u8::try_from(path.len()).ok()?, path: bytes })
    }

    fn path(&self) -> &str {
        std::str::from_utf8(&self.path[..usize::from(self.len)]).expect("it was copied from a str")
    }

    fn is(&self, method: &str, path: &str) -> bool {
        // Compared as bytes, since `path()` would validate the UTF-8 again for every slot.
        self.path[..usize::from(self.len)] == *path.as_bytes() && self.method == method
    }
}

/// An order to the helper: keep this target signed in this slot from now on.
#[derive(Clone, Copy)]
struct Job {
    slot: u16,
    /// The number of targets that the slot has had, so that a signature for an earlier one is not used for this one.
    turn: u32,
    target: Target,
}

struct Made {
    slot: u16,
    turn: u32,
    signature: Signature,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SigningCounters {
    /// Signatures that were ready when needed.
    pub ready: u64,
    /// Signatures made in place.
    pub inline: u64,
}

/// The hot thread's store of signatures.
pub struct SignatureCache {
    credentials: Arc<Credentials>,
    slots: Vec<Slot>,
    /// How many slots at the front hold constant paths.
    constant: usize,
    next_named: usize,
    jobs: Sender<Job>,
    made: Receiver<Made>,
    counters: SigningCounters,
}

struct Slot {
    target: Option<Target>,
    turn: u32,
    signature: Option<Signature>,
}

impl std::fmt::Debug for SignatureCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignatureCache").field("counters", &self.counters).finish_non_exhaustive()
    }
}

/// Starts the helper thread and creates the cache that it fills. Must be called by the unpinned main thread. `constant`
/// lists the (method, path) pairs to keep signed at all times. The helper ends when the cache is dropped.
///
/// # Errors
/// When the thread cannot be started, or a constant path is longer than 128 bytes.
pub fn start_signing(
    credentials: Arc<Credentials>,
    constant: &[(&'static str, &str)],
) -> io::Result<(SignatureCache, JoinHandle<()>)> {
    let slot_count = constant.len() + NAMED_PATHS_MAX;
    let (mut jobs_in, jobs_out) = ring(slot_count);
    // Room for two rounds, so that a hot thread that misses one does not make the helper drop the next.
    let (made_in, made_out) = ring(2 * slot_count);
    let mut slots = Vec::with_capacity(slot_count);
    for (slot, (method, path)) in (0..).zip(constant) {
        let target = Target::new(method, path).ok_or_else(|| io::Error::other(format!("path too long: {path}")))?;
        jobs_in.push(Job { slot, turn: 0, target }).expect("the ring has room for a job in each slot");
        slots.push(Slot { target: Some(target), turn: 0, signature: None });
    }
    slots.resize_with(slot_count, || Slot { target: None, turn: 0, signature: None });
    let helper =
        Helper { credentials: Arc::clone(&credentials), kept: vec![None; slot_count], jobs: jobs_out, made: made_in };
    let thread = std::thread::Builder::new().name("signing".to_owned()).spawn(move || helper.run())?;
    let cache = SignatureCache {
        credentials,
        slots,
        constant: constant.len(),
        next_named: constant.len(),
        jobs: jobs_in,
        made: made_out,
        counters: SigningCounters::default(),
    };
    Ok((cache, thread))
}

impl SignatureCache {
    /// Takes over new signatures from the helper. Call it in every turn; it costs next to nothing when there are none.
    pub fn refresh(&mut self) {
        while let Some(Made { slot, turn, signature }) = self.made.pop() {
            let slot = &mut self.slots[usize::from(slot)];
            if slot.turn == turn {
                slot.signature = Some(signature);
            }
        }
    }

    /// Returns a signature for the request: a fresh one from the cache, or one made in place. A query in the path is
    /// not signed.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn signature(&mut self, method: &str, path: &str, wall_ms: i64) -> Result<Signature, SignError> {
        self.refresh();
        let path = path.split_once('?').map_or(path, |(path, _query)| path);
        let slot =
            self.slots.iter_mut().find(|slot| slot.target.as_ref().is_some_and(|target| target.is(method, path)));
        if let Some(Slot { signature: Some(signature), .. }) = &slot
            && signature.is_fresh(wall_ms)
        {
            self.counters.ready += 1;
            return Ok(signature.clone());
        }
        let signature = Signature::make(&self.credentials, method, path, wall_ms)?;
        self.counters.inline += 1;
        if let Some(slot) = slot {
            slot.signature = Some(signature.clone());
        }
        Ok(signature)
    }

    /// The cached signature for a request, fresh or not, for rehearsals.
    #[must_use]
    pub fn peek(&self, method: &str, path: &str) -> Option<&Signature> {
        let slot = self.slots.iter().find(|slot| slot.target.as_ref().is_some_and(|target| target.is(method, path)));
        slot?.signature.as_ref()
    }

    /// Keeps a path signed from now on. Called when an order comes to rest, since an amend of it may follow.
    pub fn presign(&mut self, method: &'static str, path: &str) {
        let known = self.slots.iter().any(|slot| slot.target.as_ref().is_some_and(|target| target.is(method, path)));
        let Some(target) = Target::new(method, path).filter(|_| !known) else { return };
        let index = self.next_named;
        let turn = self.slots[index].turn.wrapping_add(1);
        let job = Job { slot: u16::try_from(index).expect("there are fewer slots than that"), turn, target };
        if self.jobs.push(job).is_ok() {
            self.slots[index] = Slot { target: Some(target), turn, signature: None };
            self.next_named = if index + 1 == self.slots.len() { self.constant } else { index + 1 };
        }
    }

    #[must_use]
    #[cfg(feature = "internals")]
    pub fn counters(&self) -> &SigningCounters {
        &self.counters
    }
}

struct Helper {
    credentials: Arc<Credentials>,
    kept: Vec<Option<Job>>,
    jobs: Receiver<Job>,
    made: Sender<Made>,
}

impl Helper {
    fn run(mut self) {
        let mut renewed_ms = wall_ms();
        while !self.made.is_abandoned() {
            while let Some(job) = self.jobs.pop() {
                self.kept[usize::from(job.slot)] = Some(job);
                self.sign(&job);
            }
            let now_ms = wall_ms();
            // Also renews at once after the clock has been set back.
            if !(0..RENEW_MS).contains(&(now_ms - renewed_ms)) {
                renewed_ms = now_ms;
                for index in 0..self.kept.len() {
                    if let Some(job) = self.kept[index] {
                        self.sign(&job);
                    }
                }
            }
            std::thread::sleep(HELPER_NAP);
        }
    }

    fn sign(&mut self, job: &Job) {
        match Signature::make(&self.credentials, job.target.method, job.target.path(), wall_ms()) {
            // A full ring means that the hot thread is not taking signatures now; the next round brings fresher ones.
            Ok(signature) => drop(self.made.push(Made { slot: job.slot, turn: job.turn, signature })),
            Err(error) => tracing::error!(%error, "the signing helper cannot sign"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::testing::{credentials, ends, until};

    const CREATE: &str = "/trade-api/v2/portfolio/events/orders";

    fn amend(order: usize) -> String {
        format!("/trade-api/v2/portfolio/events/orders/{order}/amend")
    }

    fn check(credentials: &Credentials, method: &str, path: &str, signature: &Signature) {
        let verifier = credentials.signer.verifier();
        let timestamp = signature.timestamp_ms().to_string();
        assert_eq!(verifier.verify(&timestamp, method, path, signature.text()), Ok(()));
    }

    /// Waits until the cache hands out a signature made by the helper.
    fn ready(cache: &mut SignatureCache, method: &str, path: &str) -> Signature {
        until(|| {
            let before = cache.counters().ready;
            let signature = cache.signature(method, path, wall_ms()).unwrap();
            (cache.counters().ready > before).then_some(signature)
        })
    }

    #[test]
    fn constant_paths_are_ready_and_stay_fresh() {
        let credentials = credentials();
        let (mut cache, thread) = start_signing(Arc::clone(&credentials), &[("POST", CREATE)]).unwrap();
        until(|| {
            cache.refresh();
            cache.slots[0].signature.is_some().then_some(())
        });
        let first = ready(&mut cache, "POST", CREATE);
        check(&credentials, "POST", CREATE, &first);
        assert_eq!(*cache.counters(), SigningCounters { ready: 1, inline: 0 });
        let renewed = until(|| {
            let signature = cache.signature("POST", CREATE, wall_ms()).unwrap();
            (signature.timestamp_ms() > first.timestamp_ms()).then_some(signature)
        });
        assert!(renewed.timestamp_ms() - first.timestamp_ms() <= SIGNATURE_AGE_MAX_MS);
        assert_eq!(cache.counters().inline, 0);
        drop(cache);
        ends(thread);
    }

    #[test]
    fn other_paths_are_signed_in_place_and_without_their_query() {
        let credentials = credentials();
        let (mut cache, _) = start_signing(Arc::clone(&credentials), &[]).unwrap();
        let path = amend(1);
        let signature = cache.signature("POST", &format!("{path}?subaccount=0"), wall_ms()).unwrap();
        check(&credentials, "POST", &path, &signature);
        assert_eq!(*cache.counters(), SigningCounters { ready: 0, inline: 1 });
    }

    #[test]
    fn a_stale_signature_and_one_from_the_future_are_not_used() {
        let credentials = credentials();
        let signature = Signature::make(&credentials, "GET", "/", 10_000).unwrap();
        for (wall_ms, fresh) in [(9_999, false), (10_000, true), (12_000, true), (12_001, false)] {
            assert_eq!(signature.is_fresh(wall_ms), fresh, "at {wall_ms}");
        }
        let (mut cache, _) = start_signing(credentials, &[("POST", CREATE)]).unwrap();
        ready(&mut cache, "POST", CREATE);
        let later_ms = wall_ms() + 60_000;
        assert_eq!(cache.signature("POST", CREATE, later_ms).unwrap().timestamp_ms(), later_ms);
    }

    #[test]
    fn a_named_path_is_signed_ahead() {
        let credentials = credentials();
        let (mut cache, _) = start_signing(Arc::clone(&credentials), &[("POST", CREATE)]).unwrap();
        let path = amend(1);
        cache.presign("POST", &path);
        cache.presign("POST", &path);
        until(|| {
            cache.refresh();
            cache.slots[1].signature.is_some().then_some(())
        });
        assert!(cache.slots[2].target.is_none(), "named twice, kept once");
        check(&credentials, "POST", &path, &ready(&mut cache, "POST", &path));
        assert_eq!(cache.counters().inline, 0);
    }

    #[test]
    fn the_oldest_named_path_makes_room_and_its_signatures_are_never_taken_for_the_new_one() {
        let credentials = credentials();
        let (mut cache, _) = start_signing(Arc::clone(&credentials), &[("POST", CREATE)]).unwrap();
        for order in 0..=NAMED_PATHS_MAX {
            until(|| {
                cache.presign("POST", &amend(order));
                cache.slots.iter().any(|slot| slot.target.is_some_and(|t| t.is("POST", &amend(order)))).then_some(())
            });
        }
        let known = |cache: &SignatureCache, order| {
            cache.slots.iter().any(|slot| slot.target.is_some_and(|target| target.is("POST", &amend(order))))
        };
        assert!(!known(&cache, 0) && known(&cache, 1) && known(&cache, NAMED_PATHS_MAX));
        let path = amend(NAMED_PATHS_MAX);
        check(&credentials, "POST", &path, &ready(&mut cache, "POST", &path));
        check(&credentials, "POST", CREATE, &ready(&mut cache, "POST", CREATE));
    }

    #[test]
    fn a_signature_is_not_printed() {
        let signature = Signature::make(&credentials(), "GET", "/", 5).unwrap();
        assert!(!format!("{signature:?}").contains(signature.text()));
    }
}
