#!/usr/bin/env bash
# Runs sessions on the embedded exchange and writes the latencies of their summaries as Markdown.
#
#   perf/latency.sh [--runs 5] [--duration 30s] [--policy maker,onnx] [--config FILE] [--binary FILE]
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

runs=5 duration=30s policies=maker,onnx config='' binary=''
while (($#)); do
  case $1 in
    --runs) runs=${2:?a number}; shift 2 ;;
    --duration) duration=${2:?a time such as 30s}; shift 2 ;;
    --policy) policies=${2:?maker, onnx or both}; shift 2 ;;
    --config) config=${2:?a file}; shift 2 ;;
    --binary) binary=${2:?a file}; shift 2 ;;
    *) sed -n '2,4s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
  esac
done

need python3 "it merges the summaries; any version 3 will do"
build_unless_given

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
out=$(result_file latency)
facts=$(machine)
extra=()
[[ -n $config ]] && extra=(--config "$config")

IFS=, read -ra names <<<"$policies"
for policy in "${names[@]}"; do
  for ((run = 1; run <= runs; run++)); do
    echo "$policy, run $run of $runs, $duration ..." >&2
    "$binary" run --duration "$duration" --policy "$policy" --seed "$run" --out "$work/$policy-$run" "${extra[@]}" \
      >"$work/$policy-$run.txt" 2>&1 || echo "  ended with status $?; see the table's last rows" >&2
    [[ -s $work/$policy-$run/summary.json ]] || die "no summary: $(tail -n 3 "$work/$policy-$run.txt")"
  done
done

{
  echo "# Latency of sessions on the embedded exchange"
  echo
  echo "$facts"
  echo
  echo "\`kalshi-actor run --duration $duration\`, $runs runs a policy, seeds 1 to $runs.${config:+ Configuration: $(basename "$config").}"
  echo "Each figure is the median over the runs, in microseconds; in brackets the smallest and the largest run."
  python3 - "$work" "$runs" "${names[@]}" <<'PY'
import json, statistics, sys

work, runs, policies = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
order = ["receive", "parse", "book", "observe", "infer", "decide", "risk", "write", "tick_to_wire", "newest_to_wire",
         "order_round_trip", "fill_to_portfolio", "book_to_portfolio"]

def figure(values):
    if not values:
        return "-"
    low, middle, high = (value / 1000 for value in (min(values), statistics.median(values), max(values)))
    return f"{middle:.2f} ({low:.2f}-{high:.2f})"

for policy in policies:
    summaries = [json.load(open(f"{work}/{policy}-{run}/summary.json")) for run in range(1, runs + 1)]
    print(f"\n## {policy}\n")
    print("| stretch | count | p50 | p90 | p99 | p99.9 |\n|---|---|---|---|---|---|")
    names = order + sorted(set().union(*(s["latency_ns"] for s in summaries)) - set(order))
    for name in names:
        rows = [s["latency_ns"][name] for s in summaries if s["latency_ns"].get(name, {}).get("count")]
        count = sum(row["count"] for row in rows)
        cells = [figure([row[key] for row in rows]) for key in ("p50", "p90", "p99", "p999")]
        print(f"| {name} | {count} | " + " | ".join(cells) + " |")
    orders = [sum(s["orders"].get(kind, 0) for kind in ("acked", "amended", "cancelled")) for s in summaries]
    agree = sum(bool(s["ledger"]["agrees"]) for s in summaries)
    frames = [s["frames"] for s in summaries]
    print(f"\nFrames a run: {frames}. Acked, amended and cancelled orders a run: {orders}. "
          f"Ledger agrees in {agree} of {runs} runs. Journal records lost: {sum(s['journal']['lost'] for s in summaries)}.")
PY
} >"$out"
echo "$out"
