#!/usr/bin/env bash
# Shared by the scripts of this folder. To be sourced, not run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}

die() {
  echo "${0##*/}: $*" >&2
  exit 1
}

need() {
  command -v "$1" >/dev/null || die "$1 is missing: $2"
}

# Builds the trader, unless $binary names one.
build_unless_given() {
  if [[ -z $binary ]]; then
    need cargo "see https://rustup.rs"
    (cd "$root" && CARGO_TARGET_DIR="$target" cargo build --locked --release)
    binary=$target/release/kalshi-actor
  fi
  [[ -x $binary ]] || die "$binary is no program"
}

# A file for this machine and day: perf/results/<date>-<host>-<what>.md.
result_file() {
  mkdir -p "$root/perf/results"
  echo "$root/perf/results/$(date -u +%Y-%m-%d)-$(hostname -s)-$1.md"
}

commit() {
  local name
  name=$(git -C "$root" rev-parse --short HEAD 2>/dev/null || echo "not a git checkout")
  if [[ -n $(git -C "$root" status --porcelain --untracked-files=no 2>/dev/null) ]]; then
    name="$name, with local changes"
  fi
  echo "$name"
}

# Describes the machine, without which a figure means nothing.
machine() {
  local cpu virtual memory clocksource governor load
  cpu=$(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo)
  virtual=$(systemd-detect-virt 2>/dev/null || true)
  memory=$(awk '/^MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)
  clocksource=$(cat /sys/devices/system/clocksource/clocksource0/current_clocksource 2>/dev/null || echo unknown)
  governor=$(cat /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor 2>/dev/null || echo "not visible")
  load=$(cut -d' ' -f1-3 /proc/loadavg)
  cat <<EOF
| | |
|---|---|
| date | $(date -u '+%Y-%m-%d %H:%M UTC') |
| machine | ${cpu:-unknown}, $(nproc) cores allowed, $memory |
| virtualisation | ${virtual:-unknown} |
| kernel | $(uname -sr), clocksource $clocksource, governor $governor |
| isolated cores | $(cat /sys/devices/system/cpu/isolated 2>/dev/null || true) |
| load before | $load |
| toolchain | $(rustc --version) |
| commit | $(commit) |
EOF
}
