#!/usr/bin/env bash
# Runs every fuzz target for a limited time, and fails if one finds something.
#
#   tests/fuzz/run.sh [SECONDS_PER_TARGET] [TARGET...]      60 seconds of every target by default
#
# Needs a nightly toolchain and cargo-fuzz, and installs neither. The corpus is kept below the target folder. A finding is
# written there too; once it is fixed, its file belongs in tests/fuzz/regressions/TARGET.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=${CARGO_TARGET_DIR:-$here/../../target}/fuzz

die() {
  echo "run.sh: $*" >&2
  exit 1
}

seconds=${1:-60}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || { sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2; }
shift || true
targets=("$@")
if ((${#targets[@]} == 0)); then
  mapfile -t targets < <(basename -s .rs "$here"/targets/*.rs)
fi
for target in "${targets[@]}"; do
  [[ -f $here/targets/$target.rs ]] || die "$target is no target: there are $(basename -s .rs "$here"/targets/*.rs | xargs)"
done
cargo +nightly --version >/dev/null 2>&1 || die "a nightly toolchain is missing: rustup toolchain install nightly"
cargo fuzz --version >/dev/null 2>&1 || die "cargo-fuzz is missing: cargo install cargo-fuzz"

# The code is safe Rust except for one kernel that no target reaches: an address sanitizer would only halve the speed.
cd "$here"
export CARGO_TARGET_DIR=$build
cargo +nightly fuzz build --fuzz-dir . --sanitizer none

failed=0
printf '\n%-10s %12s %8s %9s  %s\n' target executions "a second" inputs result
for target in "${targets[@]}"; do
  corpus=$build/corpus/$target found=$build/found/$target
  mkdir -p "$corpus" "$found" "$build/logs"
  inputs=()
  for folder in seeds regressions; do
    [[ -d $folder/$target ]] && inputs+=("$folder/$target")
  done
  log=$build/logs/$target.log result=clean
  cargo +nightly fuzz run --fuzz-dir . --sanitizer none "$target" "$corpus" "${inputs[@]}" -- \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=4096 -dict=dictionary -print_final_stats=1 \
    -artifact_prefix="$found/" >"$log" 2>&1 || result="FAILED: $log"
  stat() { awk -v key="stat::$1:" '$1 == key { print $2 }' "$log"; }
  printf '%-10s %12s %8s %9s  %s\n' "$target" "$(stat number_of_executed_units)" "$(stat average_exec_per_sec)" \
    "$(find "$corpus" -type f | wc -l)" "$result"
  [[ $result == clean ]] || failed=1
done
exit "$failed"
