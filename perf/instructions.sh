#!/usr/bin/env bash
# Counts the instructions of a tick's steps under callgrind and compares them with the stored figures.
#
#   perf/instructions.sh [--store]
#
# Fails if a step takes over 3% more instructions than its figure in perf/instructions.txt, and prints a note if one takes
# over 3% fewer. --store writes new figures: commit them together with the change that caused them. Exits with 3 and the
# reason where counts would not be comparable with the stored ones.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

store=''
case ${1:-} in
  '') ;;
  --store) store=yes ;;
  *) sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
esac
figures=$root/perf/instructions.txt

skip() {
  echo "${0##*/}: skipped: $*" >&2
  exit 3
}

need cargo "see https://rustup.rs"
[[ $(uname -sm) == "Linux x86_64" ]] || skip "this is $(uname -sm), the figures are of Linux x86_64"
command -v valgrind >/dev/null || skip "valgrind is missing: apt-get install valgrind"
# Valgrind presents the same processor to programs on every host that has AVX2.
grep -qw avx2 /proc/cpuinfo || skip "this processor has no AVX2, so other code is chosen than was counted"
# What the counts depend on besides the sources.
conditions=$(
  echo "# rustc: $(rustc --version)"
  echo "# target: x86_64-unknown-linux-gnu, its baseline, on a processor with AVX2"
)
if [[ -z $store ]]; then
  stored=$(grep -E '^# (rustc|target): ' "$figures" || true)
  [[ $stored == "$conditions" ]] || skip "the figures were stored for other conditions: store them anew
$(diff <(echo "$stored") <(echo "$conditions") || true)"
fi

# The caller's flags would change the counts.
program=$(cd "$root" && RUSTFLAGS='' CARGO_TARGET_DIR="$target" cargo bench --locked --no-run --bench instructions \
  --message-format json-render-diagnostics | sed -n 's/.*"executable":"\([^"]*instructions-[^"]*\)".*/\1/p' | tail -n 1)
[[ -x $program ]] || die "cargo named no program"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The environment is on the stack, where its size shifts everything after it.
env -i PATH="$PATH" LC_ALL=C valgrind --tool=callgrind --callgrind-out-file="$work/counts" --collect-atstart=no \
  --toggle-collect='*instructions_counted*' --dump-before='*instructions_figure*' "$program" \
  >"$work/names" 2>"$work/valgrind.txt" || { tail -n 20 "$work/valgrind.txt" >&2; die "the program failed under valgrind"; }

# There is one dump for each name, in the order in which the program printed them.
number=0
while read -r name; do
  number=$((number + 1))
  sum=$(sed -n 's/^summary: //p' "$work/counts.$number")
  [[ $sum =~ ^[1-9][0-9]*$ ]] || die "callgrind counted nothing for $name"
  echo "$name $sum"
done <"$work/names" >"$work/now"
[[ -s $work/now ]] || die "the program took no step"

if [[ -n $store ]]; then
  {
    echo "# Instructions of a hundred times each step of a tick (benches/instructions). Written by perf/instructions.sh --store."
    echo "$conditions"
    cat "$work/now"
  } >"$figures"
  echo "$figures"
  exit
fi
awk '
  /^#/ { next }
  FNR == NR { stored[$1] = $2; next }
  { now[$1] = $2; order[++steps] = $1 }
  END {
    printf "%-20s %12s %12s %8s\n", "a hundred times", "stored", "now", "change"
    for (n = 1; n <= steps; n++) {
      name = order[n]
      if (!(name in stored)) { printf "%-20s %12s %12d\n", name, "-", now[name]; missing = missing " " name; continue }
      change = (now[name] / stored[name] - 1) * 100
      printf "%-20s %12d %12d %+7.2f%%\n", name, stored[name], now[name], change
      if (change > 3) grown = grown " " name
      if (change < -3) shrunk = shrunk " " name
    }
    for (name in stored) if (!(name in now)) gone = gone " " name
    if (shrunk) print "over 3% fewer:" shrunk ". Store the new figures, or a later growth hides in the old ones."
    if (grown) print "over 3% more:" grown ". Find out why, or store the new figures and say in the commit why."
    if (missing) print "without a stored figure:" missing ". Store them."
    if (gone) print "stored and no longer counted:" gone ". Store the figures anew."
    exit (grown || missing || gone) ? 1 : 0
  }' "$figures" "$work/now"
