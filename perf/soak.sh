#!/usr/bin/env bash
# Trades for a long time at many times the normal speed, and writes how much memory that takes. Trader and embedded exchange
# share a process; a second session, live against an exchange in another process, separates the two.
#
#   perf/soak.sh [--duration 1h] [--speed 20] [--apart 10m] [--policy maker] [--binary FILE]
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

duration=1h speed=20 apart=10m policy=maker binary=''
while (($#)); do
  case $1 in
    --duration) duration=${2:?a time such as 1h}; shift 2 ;;
    --speed) speed=${2:?a factor}; shift 2 ;;
    --apart) apart=${2:?a time such as 10m, or 0 for none}; shift 2 ;;
    --policy) policy=${2:?maker, onnx or hold}; shift 2 ;;
    --binary) binary=${2:?a file}; shift 2 ;;
    *) sed -n '2,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
  esac
done

need python3 "it draws the table; any version 3 will do"
build_unless_given

work=$(mktemp -d)
exchange=''
finish() {
  [[ -n $exchange ]] && kill "$exchange" 2>/dev/null
  rm -rf "$work"
}
trap finish EXIT
out=$(result_file soak)
facts=$(machine)
# Only the end of its time ends the session.
cat >"$work/actor.toml" <<'TOML'
[risk]
max_executions = 0
max_drawdown = "0.00"
daily_loss_stop = "1000000.00"
[exchange]
cash = "1000000.00"
[record]
journal_bytes = 268435456
TOML

# Writes "seconds RSS-in-kB" of a process every five seconds while the first one runs.
sample() {
  local runs=$1 of=$2 file=$3 began
  began=$(date +%s)
  while kill -0 "$runs" 2>/dev/null; do
    awk -v t="$(($(date +%s) - began))" '/^VmRSS/ { print t, $2 }' "/proc/$of/status" >>"$file" 2>/dev/null || true
    sleep 5
  done
}

echo "one process, $duration at ${speed}x ..." >&2
"$binary" run --config "$work/actor.toml" --policy "$policy" --duration "$duration" --speed "$speed" --out "$work/together" \
  >"$work/together.txt" 2>&1 &
trader=$!
sample "$trader" "$trader" "$work/together.rss"
wait "$trader" || echo "  ended with status $?" >&2

if [[ $apart != 0 ]]; then
  echo "two processes, $apart ..." >&2
  "$binary" exchange --config "$work/actor.toml" --keys "$work/keys" >"$work/exchange.json" 2>"$work/exchange.txt" &
  exchange=$!
  until [[ -s $work/exchange.json ]]; do sleep 0.2; done
  fact() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$work/exchange.json" "$1"; }
  { printf '[venue]\nname = "demo"\nlive = true\nrest_url = "%s"\nws_url = "%s"\nkey_id = "%s"\nprivate_key_path = "%s"\n' \
      "$(fact rest_url | sed 's,/trade-api/v2,,')" "$(fact ws_url | sed 's,/trade-api/ws/v2,,')" \
      "$(fact ed25519_key_id)" "$(fact ed25519_private_key_path)"
    cat "$work/actor.toml"; } >"$work/live.toml"
  XDG_STATE_HOME=$work/state "$binary" run --config "$work/live.toml" --policy "$policy" --duration "$apart" \
    --out "$work/apart" >"$work/apart.txt" 2>&1 &
  trader=$!
  sample "$trader" "$exchange" "$work/exchange.rss" &
  sample "$trader" "$trader" "$work/trader.rss"
  wait "$trader" || echo "  ended with status $?" >&2
fi

{
  echo "# Memory over a long session"
  echo
  echo "$facts"
  echo
  echo "\`perf/soak.sh --duration $duration --speed $speed --apart $apart --policy $policy\`. Resident memory in MB."
  python3 - "$work" "$speed" <<'PY'
import json, os, sys

work, speed = sys.argv[1], sys.argv[2]

def read(name):
    with open(f"{work}/{name}.rss") as lines:
        return [tuple(map(int, line.split())) for line in lines]

def line(points):
    """Megabytes per minute over the second half, by least squares."""
    half = points[len(points) // 2:]
    n = len(half)
    mt, mr = sum(t for t, _ in half) / n, sum(r for _, r in half) / n
    spread = sum((t - mt) ** 2 for t, _ in half)
    return sum((t - mt) * (r - mr) for t, r in half) / spread * 60 / 1024 if spread else 0.0

def table(title, names, folder):
    path = f"{work}/{folder}/summary.json"
    print(f"\n## {title}\n")
    if not os.path.exists(path):
        print("No summary.")
        return
    summary = json.load(open(path))
    rows = {name: read(name) for name in names}
    end = max(t for points in rows.values() for t, _ in points)
    marks = [end * part // 10 for part in range(11)]
    print("| process | " + " | ".join(f"{mark // 60}:{mark % 60:02d}" for mark in marks) + " | MB a minute, second half |")
    print("|---|" + "---|" * (len(marks) + 1))
    for name, points in rows.items():
        cells = [min(points, key=lambda point: abs(point[0] - mark))[1] / 1024 for mark in marks]
        print(f"| {name} | " + " | ".join(f"{cell:.1f}" for cell in cells) + f" | {line(points):+.3f} |")
    print(f"\nOrders sent: {summary['orders']['sent']}, fills: {summary['fills']}, decisions: {summary['decisions']}; "
          f"ledger agrees: {summary['ledger']['agrees']}.")

table(f"Trader and exchange in one process, at {speed} times the pace", ["together"], "together")
if os.path.exists(f"{work}/trader.rss"):
    table("Trader and exchange apart, at the pace of the wall clock", ["trader", "exchange"], "apart")
PY
} >"$out"
echo "$out"
