#!/usr/bin/env bash
# Runs two builds in alternation, sessions and benches, and writes their figures and ratios as Markdown.
#
#   perf/compare.sh REV [--pairs 5] [--duration 12s] [--policy maker,onnx|none] [--bench tick_to_wire,book|none]
#   perf/compare.sh --old FILE --new FILE [--pairs 5] [--duration 12s] [--policy maker,onnx]
#
# REV is built once, in a checkout of its own below the target folder, and compared with the working tree. --old and
# --new take finished binaries instead and leave the benches out. "--policy none" leaves the sessions out.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
  sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 2
}

rev='' pairs=5 duration=12s policies=maker benches=tick_to_wire old='' new=''
while (($#)); do
  case $1 in
    --pairs) pairs=${2:?a number}; shift 2 ;;
    --duration) duration=${2:?a time such as 12s}; shift 2 ;;
    --policy) policies=${2:?maker, onnx, both or none}; shift 2 ;;
    --bench) benches=${2:?names as in Cargo.toml, or none}; shift 2 ;;
    --old) old=${2:?a binary}; shift 2 ;;
    --new) new=${2:?a binary}; shift 2 ;;
    -*) usage ;;
    *) [[ -z $rev ]] || usage; rev=$1; shift ;;
  esac
done
need python3 "it reads the results; any version 3 will do"
[[ $pairs =~ ^[1-9][0-9]*$ ]] || die "--pairs $pairs: expected a number from 1"
[[ $policies != none ]] || policies=''
[[ $benches != none ]] || benches=''
if [[ -n $old || -n $new ]]; then
  [[ -x $old && -x $new ]] || die "--old and --new go together, and both are programs"
  benches='' rev=${rev:-$old}
else
  [[ -n $rev ]] || usage
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The path of a bench's program, built in the checkout $1 with the target folder $2.
bench_program() {
  (cd "$1" && CARGO_TARGET_DIR="$2" cargo bench --locked --no-run --bench "$3" --message-format json) | python3 -c '
import json, sys
rows = (json.loads(line) for line in sys.stdin if line.startswith("{"))
print([row["executable"] for row in rows if row.get("executable") and "bench" in row["target"]["kind"]][-1])'
}

IFS=, read -ra policy_names <<<"$policies"
IFS=, read -ra bench_names <<<"$benches"
if [[ -z $old ]]; then
  need cargo "see https://rustup.rs"
  sha=$(git -C "$root" rev-parse --verify --quiet "$rev^{commit}") || die "$rev is no commit of this repository"
  tree=$target/compare/${sha:0:12}
  [[ -d $tree/checkout ]] || { mkdir -p "$tree"; git clone --quiet --no-checkout "$root" "$tree/checkout"; }
  git -C "$tree/checkout" checkout --quiet --detach "$sha"
  if ((${#policy_names[@]})); then
    (cd "$tree/checkout" && CARGO_TARGET_DIR="$tree/target" cargo build --locked --release)
    (cd "$root" && CARGO_TARGET_DIR="$target" cargo build --locked --release)
  fi
  old=$tree/target/release/kalshi-actor new=$target/release/kalshi-actor
  for bench in "${bench_names[@]}"; do
    bench_program "$tree/checkout" "$tree/target" "$bench" >"$work/old-$bench.path"
    bench_program "$root" "$target" "$bench" >"$work/new-$bench.path"
  done
  rev="$rev (${sha:0:12})"
fi

out=$(result_file compare)
facts=$(machine)
for ((pair = 1; pair <= pairs; pair++)); do
  # Which of the two runs first alternates, so that a drift of the machine favours neither.
  if ((pair % 2)); then order=(old new); else order=(new old); fi
  for policy in "${policy_names[@]}"; do
    for side in "${order[@]}"; do
      echo "pair $pair of $pairs: $policy, $side ..." >&2
      [[ $side == old ]] && binary=$old || binary=$new
      "$binary" run --duration "$duration" --policy "$policy" --seed "$pair" --out "$work/session-$policy-$side-$pair" \
        >"$work/session.txt" 2>&1 || echo "  ended with status $?: $(tail -n 1 "$work/session.txt")" >&2
      [[ -s $work/session-$policy-$side-$pair/summary.json ]] || die "no summary: $(tail -n 3 "$work/session.txt")"
    done
  done
  for bench in "${bench_names[@]}"; do
    for side in "${order[@]}"; do
      echo "pair $pair of $pairs: bench $bench, $side ..." >&2
      CRITERION_HOME=$work/bench-$bench-$side-$pair "$(<"$work/$side-$bench.path")" --bench --noplot \
        --warm-up-time 0.5 --measurement-time 2 >/dev/null 2>"$work/bench.txt" || die "$(tail -n 3 "$work/bench.txt")"
    done
  done
done

{
  echo "# Two builds in alternation"
  echo
  echo "$facts"
  echo
  echo "Old: $rev. New: the working tree's build. $pairs pairs; sessions of $duration. Nanoseconds: each figure is the median"
  echo "over the pairs; the ratio is the median of the pairs' own ratios, with the smallest and the largest in brackets."
  python3 - "$work" "$pairs" <<'PY'
import json, pathlib, re, statistics, sys

work, pairs = pathlib.Path(sys.argv[1]), int(sys.argv[2])
figures = {}
for folder in sorted(work.iterdir()):
    session = re.fullmatch(r"session-(.+)-(old|new)-(\d+)", folder.name)
    bench = re.fullmatch(r"bench-(.+)-(old|new)-(\d+)", folder.name)
    if session:
        name, side, pair = session.groups()
        latencies = json.loads((folder / "summary.json").read_text())["latency_ns"]
        for stretch, row in latencies.items():
            if row.get("count"):
                for quantile in ("p50", "p99"):
                    figures.setdefault((f"session, {name}", f"{stretch} {quantile}"), {})[side, int(pair)] = row[quantile]
    if bench:
        _, side, pair = bench.groups()
        for file in folder.rglob("new/estimates.json"):
            title = json.loads((file.parent / "benchmark.json").read_text())["full_id"]
            value = json.loads(file.read_text())["median"]["point_estimate"]
            figures.setdefault(("benches", title), {})[side, int(pair)] = value

heading = None
for (group, name), values in figures.items():
    both = [pair for pair in range(1, pairs + 1) if ("old", pair) in values and ("new", pair) in values]
    if not both:
        continue
    if group != heading:
        print(f"\n## {group[0].upper()}{group[1:]}\n\n| | old | new | ratio |\n|---|---|---|---|")
        heading = group
    old, new = ([values[side, pair] for pair in both] for side in ("old", "new"))
    ratios = [n / o for n, o in zip(new, old) if o]
    if not ratios:
        continue
    print(f"| {name} | {statistics.median(old):,.0f} | {statistics.median(new):,.0f} | "
          f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f}) |")
PY
} >"$out"
echo "$out"
