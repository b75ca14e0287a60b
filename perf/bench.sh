#!/usr/bin/env bash
# Runs the benches with short settings and writes criterion's medians, and the exchange's tables under load, as Markdown.
#
#   perf/bench.sh [BENCH...]      names as in Cargo.toml; all benches by default
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

[[ ${1:-} != -* ]] || { sed -n '2,4s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2; }
need cargo "see https://rustup.rs"
need python3 "it reads criterion's results; any version 3 will do"

benches=("$@")
if ((${#benches[@]} == 0)); then
  mapfile -t benches < <(cd "$root" && cargo metadata --no-deps --format-version 1 | python3 -c '
import json, sys
targets = json.load(sys.stdin)["packages"][0]["targets"]
print("\n".join(sorted(t["name"] for t in targets if "bench" in t["kind"])))')
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
out=$(result_file bench)
facts=$(machine)
for bench in "${benches[@]}"; do
  if [[ $bench == exchange_load ]]; then
    # This bench does not use criterion: it prints its own tables.
    (cd "$root" && cargo bench --bench "$bench") | tee "$work/load.md" >&2
  else
    (cd "$root" && CRITERION_HOME="$work" cargo bench --bench "$bench" -- --noplot --warm-up-time 0.5 --measurement-time 2 >&2)
  fi
done

{
  echo "# Benches"
  echo
  echo "$facts"
  echo
  echo "\`perf/bench.sh${*:+ $*}\`: warm-up 0.5 s, 2 s each unless the bench sets its own. Medians with their 95% interval."
  echo
  python3 - "$work" <<'PY'
import json, pathlib, sys

def text(ns):
    for unit, size in (("ms", 1e6), ("us", 1e3)):
        if ns >= size:
            return f"{ns / size:.3g} {unit}"
    return f"{ns:.3g} ns"

print("| bench | median | 95% interval |\n|---|---|---|")
rows = []
for file in pathlib.Path(sys.argv[1]).rglob("new/estimates.json"):
    median = json.loads(file.read_text())["median"]
    name = json.loads((file.parent / "benchmark.json").read_text())["full_id"]
    interval = median["confidence_interval"]
    rows.append((name, text(median["point_estimate"]),
                 f"{text(interval['lower_bound'])} - {text(interval['upper_bound'])}"))
for row in sorted(rows):
    print("| " + " | ".join(row) + " |")
PY
  if [[ -f $work/load.md ]]; then
    echo
    echo "## The exchange under load (\`exchange_load\`)"
    cat "$work/load.md"
  fi
} >"$out"
echo "$out"
