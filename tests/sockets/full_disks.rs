//! Full disks under the real program: small file systems in memory that are filled while it trades, and a limit on the
//! size of files. Where mounting is not permitted, the tests say so and are skipped.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use kalshi_actor::session::state_dir;

use crate::drill::{Drill, Process};

/// A file system in memory, unmounted on drop.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(folder: &Path, bytes: &str) -> Option<Self> {
        std::fs::create_dir_all(folder).unwrap();
        let options = format!("size={bytes}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(folder.to_owned())),
            other => {
                println!("skipped: no file system can be mounted here: {other:?}");
                None
            }
        }
    }

    /// Fills the disk completely.
    fn fill(&self) {
        let mut file = File::create(self.0.join("ballast")).unwrap();
        let block = vec![7; 64 << 10];
        for size in [block.len(), 4_096, 512, 1] {
            while file.write_all(&block[..size]).is_ok() {}
        }
    }

    /// Fills the disk so that only `left` bytes are free.
    fn fill_to(&self, left: u64) {
        let mut file = File::create(self.0.join("ballast")).unwrap();
        let free = || rustix::fs::statvfs(&self.0).map(|disk| disk.f_bavail * disk.f_frsize).unwrap();
        let block = vec![7; 64 << 10];
        while free() > left {
            file.write_all(&block).unwrap();
        }
    }

    fn empty(&self) {
        std::fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, since the trader of a failed test may still use it.
        let unmounted = Command::new("umount").arg("-l").arg(&self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

fn report(output: &std::process::Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A trader with resting orders, whose state directory has just filled up; `None` if no disk can be mounted.
fn trade_with_a_full_state_disk(seed: &str) -> Option<(Drill, SmallDisk, Process)> {
    let mut drill = Drill::start(seed);
    let folder = drill.folder.path().join("small");
    let disk = SmallDisk::mount(&folder, "4m")?;
    drill.keep_state_in(&folder);
    let trader = drill.trade(0);
    drill.wait_until("orders of the trader", |drill| drill.resting().len() >= 2);
    disk.fill();
    Some((drill, disk, trader))
}

#[test]
fn a_kill_on_a_full_state_disk_is_not_forgotten() {
    let Some((drill, disk, mut trader)) = trade_with_a_full_state_disk("41") else { return };
    let sent = Command::new("kill").args(["-s", "USR1", &trader.id().to_string()]).status().unwrap();
    assert!(sent.success());
    trader.wait_for_end();
    let output = trader.output();
    assert!(!output.status.success() && drill.resting().is_empty(), "{}", report(&output));
    assert!(report(&output).contains("killed by SIGUSR1"), "{}", report(&output));

    let state = state_dir(&drill.config, None).unwrap();
    assert!(state.tripped().unwrap().unwrap().reason.contains("SIGUSR1"));
    disk.empty();
    let refused = drill.trade_for("5s", 1);
    assert!(!refused.status.success() && report(&refused).contains("kalshi-actor resume"), "{}", report(&refused));
    assert!(drill.command("resume").output().unwrap().status.success());
    let output = drill.trade_for("5s", 2);
    drill.assert_agrees(&output, 2);
}

#[test]
fn a_state_disk_that_fills_up_ends_the_session_in_order_and_a_full_one_starts_none() {
    let Some((drill, _disk, mut trader)) = trade_with_a_full_state_disk("42") else { return };
    trader.wait_for_end();
    let output = trader.output();
    let told = report(&output);
    assert!(!output.status.success() && drill.resting().is_empty(), "{told}");
    assert!(told.contains("FAILED: ") && told.contains("orders: ") && told.contains("small"), "{told}");
    let refused = drill.trade_for("5s", 1);
    assert!(!refused.status.success() && refused.stdout.is_empty(), "{}", report(&refused));
    assert!(report(&refused).contains("small/demo"), "{}", report(&refused));
}

#[test]
fn a_session_whose_own_disk_fills_up_ends_with_its_report_on_the_standard_output() {
    // Without a limit on free space, the first sign is that the journal cannot be written.
    for (free_bytes_min, seed, told) in [(0, "43", "the journal can't be written any more"), (6 << 20, "44", "6291456")]
    {
        let mut drill = Drill::start(seed);
        let folder = drill.session(0);
        let Some(disk) = SmallDisk::mount(&folder, "32m") else { return };
        drill.config.record.free_bytes_min = free_bytes_min;
        drill.write_config();
        let mut trader = drill.trade(0);
        drill.wait_until("orders of the trader", |drill| drill.resting().len() >= 2);
        // Below the limit there is still room for the journal.
        if free_bytes_min == 0 {
            disk.fill();
        } else {
            disk.fill_to(free_bytes_min - (1 << 20));
        }
        trader.wait_for_end();
        let output = trader.output();
        let report = report(&output);
        assert!(!output.status.success() && drill.resting().is_empty(), "{report}");
        assert!(report.contains(told) && report.contains("orders: "), "{report}");
        assert_eq!(report.contains("summary.json: No space left"), free_bytes_min == 0, "{report}");
        // That is not a trip: with free space it starts again.
        disk.empty();
        let output = drill.trade_for("5s", 1);
        drill.assert_agrees(&output, 1);
    }
}

#[test]
fn a_limit_on_the_size_of_files_ends_the_session_in_order() {
    let drill = Drill::start("45");
    let mut trader = drill.trade(0);
    drill.wait_until("orders of the trader", |drill| drill.resting().len() >= 2);
    let limited = Command::new("prlimit").args(["--pid", &trader.id().to_string(), "--fsize=65536:65536"]).status();
    if !limited.is_ok_and(|status| status.success()) {
        println!("skipped: prlimit is not there");
        return;
    }
    trader.wait_for_end();
    let output = trader.output();
    let told = report(&output);
    assert!(!output.status.success() && drill.resting().is_empty(), "{told}");
    assert!(told.contains("the journal can't be written any more") && told.contains("orders: "), "{told}");
}
