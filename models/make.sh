#!/bin/sh
# Makes a model from recorded decisions: sets up the Python environment, trains and exports. It can be repeated: the environment
# is created once for each requirements.txt, and the files are replaced.
#
#   models/make.sh MODEL DECISIONS...
#   models/make.sh models/maker_clone.onnx session/decisions.jsonl
#
# NOTES in the environment goes into the model's metadata. PYTHON names the interpreter (3.11 or newer).
set -eu

if [ $# -lt 2 ]; then
    echo "usage: $0 MODEL.onnx DECISIONS.jsonl..." >&2
    exit 2
fi
model=$1
shift
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
venv=$here/.venv
done_mark=$venv/requirements.installed

for decisions; do
    [ -r "$decisions" ] || { echo "$0: $decisions: not a readable file" >&2; exit 2; }
done
if ! cmp -s "$here/requirements.txt" "$done_mark"; then
    "${PYTHON:-python3}" -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
    cp "$here/requirements.txt" "$done_mark"
fi

policy=${model%.onnx}.zip
"$venv/bin/python" "$here/train.py" "$@" "$policy"
"$venv/bin/python" "$here/export_onnx.py" "$policy" "$model" \
    --notes "${NOTES:-Cloned by class-balanced cross entropy from recorded decisions of the rule-based maker; never trained by reinforcement.}"
