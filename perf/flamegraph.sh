#!/usr/bin/env bash
# Records a session on the embedded exchange with perf and draws a flame graph of it.
#
#   perf/flamegraph.sh [--duration 20s] [--policy onnx] [--thread NAME] [--out FILE.svg]
#
# --thread keeps only one thread: feed, decide, execute, reconcile, record, signing.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

duration=20s policy=onnx thread='' out=''
while (($#)); do
  case $1 in
    --duration) duration=${2:?a time such as 20s}; shift 2 ;;
    --policy) policy=${2:?a policy}; shift 2 ;;
    --thread) thread=${2:?a thread}; shift 2 ;;
    --out) out=${2:?a file}; shift 2 ;;
    *) sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
  esac
done
if [[ -z $out ]]; then
  mkdir -p "$root/perf/results"
  out=$root/perf/results/$(date -u +%Y-%m-%d)-$(hostname -s)-flamegraph${thread:+-$thread}.svg
fi

need perf "install linux-tools (Debian: linux-perf) for kernel $(uname -r)"
perf record -q -o /dev/null -- true 2>/dev/null ||
  die "perf may not sample here: kernel.perf_event_paranoid is $(cat /proc/sys/kernel/perf_event_paranoid 2>/dev/null || echo unknown) (1 or less is needed without root), and containers need CAP_PERFMON"
need inferno-flamegraph "cargo install inferno"
need inferno-collapse-perf "cargo install inferno"
need cargo "see https://rustup.rs"

(cd "$root" && cargo build --profile perf)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Frames are unwound from debug information, since the standard library is built without frame pointers.
perf record --call-graph dwarf,16384 -F 499 -o "$work/perf.data" -- \
  "$target/perf/kalshi-actor" run --duration "$duration" --policy "$policy" --out "$work/session" >&2
# Inlined frames are left out: resolving them takes perf minutes per thousand samples.
perf script --no-inline -i "$work/perf.data" ${thread:+--comms "$thread"} >"$work/stacks" 2>/dev/null
[[ -s $work/stacks ]] || die "no samples${thread:+ of a thread called $thread}"
inferno-collapse-perf <"$work/stacks" | inferno-flamegraph --title "kalshi-actor run --policy $policy, $duration, $(commit)" >"$out"
echo "$out"
