//! Pins threads to cores. A pinned thread must not spawn threads, since they would inherit its core.

use thiserror::Error;

/// Why a thread could not be pinned.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PinError {
    /// The configuration names a core that this process may not use.
    #[error("core {core} in `cores` does not exist or is not allowed to this process; it may use {available:?}")]
    NoSuchCore {
        core: usize,
        /// The cores that this process may use.
        available: Vec<usize>,
    },
    /// The kernel refused.
    #[error("the kernel refused to pin a thread to core {core}")]
    Refused { core: usize },
}

/// The cores that this process may use, in ascending order; empty if the platform does not say.
#[must_use]
pub fn available_cores() -> Vec<usize> {
    let mut cores: Vec<usize> = core_affinity::get_core_ids().unwrap_or_default().iter().map(|core| core.id).collect();
    cores.sort_unstable();
    cores
}

/// Checks the configured list of cores before any thread is started.
///
/// # Errors
/// [`PinError::NoSuchCore`] for the first core that this process may not use.
pub fn check_cores(wanted: &[usize], available: &[usize]) -> Result<(), PinError> {
    match wanted.iter().find(|core| !available.contains(core)) {
        Some(&core) => Err(PinError::NoSuchCore { core, available: available.to_vec() }),
        None => Ok(()),
    }
}

/// Pins the calling thread.
///
/// # Errors
/// [`PinError::Refused`] when the kernel does not allow it.
pub fn pin_current(core: usize) -> Result<(), PinError> {
    if core_affinity::set_for_current(core_affinity::CoreId { id: core }) {
        Ok(())
    } else {
        Err(PinError::Refused { core })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_that_does_not_exist_is_named_with_those_that_do() {
        let error = check_cores(&[0, 9_999], &[0, 1]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "core 9999 in `cores` does not exist or is not allowed to this process; it may use [0, 1]"
        );
        assert_eq!(check_cores(&[1, 0], &[0, 1]), Ok(()));
    }

    #[test]
    fn a_thread_can_be_pinned_to_each_core_it_may_use() {
        let available = available_cores();
        assert!(!available.is_empty(), "this platform tells its cores");
        for core in available {
            // In a thread of its own, since the current one belongs to the test runner.
            std::thread::spawn(move || {
                pin_current(core).unwrap();
                assert_eq!(available_cores(), [core]);
            })
            .join()
            .unwrap();
        }
    }

    #[test]
    fn the_kernel_refuses_a_core_it_does_not_have() {
        let pinned = std::thread::spawn(|| pin_current(1_000)).join().unwrap();
        assert_eq!(pinned, Err(PinError::Refused { core: 1_000 }));
    }
}
