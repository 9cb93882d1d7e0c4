#!/usr/bin/env bash
# Checks and measures Kumpas on this machine's NVIDIA GPU, in under ten minutes, and prints a table (Markdown) for bench/README.md:
#   npm run gpu-check
#   npm run gpu-check -- --cpu   the same on the processor and in small, to see that the script itself works
# The table goes to stdout, what happens meanwhile to stderr. Exit code 1 where there is no GPU, or where something fails (it is in the table).
set -u
cd "$(dirname "$0")/.." || exit 1

case "${1:-}" in
  '') backend=gpu ;;
  --cpu) backend=cpu ;;
  *)
    echo "gpu-check: $1: unknown; it takes --cpu alone" >&2
    exit 1
    ;;
esac
if [ "$backend" = gpu ] && [ ! -e /dev/nvidiactl ] && [ ! -e /dev/dxg ]; then
  echo 'gpu-check: there is no NVIDIA GPU here (no /dev/nvidiactl); npm run gpu-check -- --cpu runs the same on the processor, in small' >&2
  exit 1
fi
export KUMPAS_BACKEND=$backend

if [ "$backend" = gpu ]; then
  tests=(test/parity test/engine/products.test.ts test/engine/gru-states.test.ts)
  step=() gru=(--model iv3_gru --frames 300) epoch=(--runs 4) long=(--frames 30 --runs 500)
else
  tests=(test/parity/transformer-forward.test.ts)
  small=(--layers 1 --heads 2 --emb 16 --batch 4 --frames 8)
  step=("${small[@]}" --runs 2) gru=(--model iv3_gru --batch 4 --frames 8 --runs 2) epoch=("${small[@]}" --batch 32 --runs 1) long=("${small[@]}" --runs 20)
fi

scratch=$(mktemp -d) || exit 1
watching=
finish() {
  [ -z "$watching" ] || kill "$watching" 2>/dev/null
  rm -rf "$scratch"
}
trap finish EXIT
failures=0
rows=()

# row TITLE SECONDS CELL COMMAND…: a row of the table; CELL is JavaScript that makes the text of `f`, the document that the command prints.
row() {
  local title=$1 limit=$2 cell=$3 text
  shift 3
  echo "gpu-check: $title …" >&2
  if timeout "$limit" "$@" >"$scratch/out" 2>"$scratch/err"; then
    text=$(node -e "const f = JSON.parse(require('node:fs').readFileSync(0, 'utf8') || '{}'); console.log($cell)" <"$scratch/out") || text='failed: its figures cannot be read'
  else
    text="failed: $(grep -vE '^ *(at .*)?$' "$scratch/err" | grep -iE -m1 'error|fail|expected|:' | tr '|' '/' | cut -c1-200)"
  fi
  case "$text" in failed*) failures=$((failures + 1)) ;; esac
  rows+=("| $title | $text |")
}

times='`${f.median_ms} (${f.min_ms}) ms`'
bench() { npm run -s bench -- "$@" --json; }
export -f bench
timed() { row "\`$1\`" "$2" "$3" bash -c 'bench "$@"' bench "${@:4}"; }

node scripts/prepare.js >&2 || exit 1
started=$SECONDS
row 'parity tests' 200 '"passed"' npx jest --silent "${tests[@]}"
timed 'step' 60 "$times + (f.machine ? '; ' + f.machine.device : '')" step "${step[@]}"
timed 'step --amp' 60 "$times + '; bfloat16: ' + (f.setting.amp.bfloat16.join(', ') || 'nothing wins')" step "${step[@]}" --amp
timed 'step --amp force' 60 "$times" step "${step[@]}" --amp force
timed 'step --model iv3_gru' 60 "$times" step "${gru[@]}"
if [ "$backend" = gpu ]; then timed 'step --model iv3_gru --cudnn-gru' 60 "$times" step "${gru[@]}" --cudnn-gru; fi
timed 'epoch' 90 "$times" epoch "${epoch[@]}"

if command -v nvidia-smi >/dev/null && [ "$backend" = gpu ]; then
  (while sleep 0.5; do nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits | sort -n | tail -1; done >"$scratch/gpu-memory" 2>/dev/null) &
  watching=$!
fi
timed 'step: memory, many steps' 90 '`resident memory × ${f.memory_growth}`' step "${long[@]}"
if [ -n "$watching" ]; then
  kill "$watching" 2>/dev/null
  watching=
  rows+=("| the GPU's memory at most | $(sort -n "$scratch/gpu-memory" | tail -1) MB |")
fi

gpus=$([ "$backend" = cpu ] && echo 2 || nvidia-smi --list-gpus 2>/dev/null | wc -l)
if [ "$gpus" -ge 2 ]; then timed 'step --enable-parallel' 90 "$times" step "${step[@]}" --enable-parallel; else rows+=('| `step --enable-parallel` | not measured: one GPU |'); fi

what=$([ "$backend" = gpu ] && nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>/dev/null | sort | uniq -c | tr -s ' ' | paste -sd ';' || echo ' the processor, in small: its figures say nothing')
printf 'On %s:%s; %s s.\n\n| command | median (fastest) |\n| --- | --- |\n' "$(date +%F)" "$what" "$((SECONDS - started))"
printf '%s\n' "${rows[@]}"
[ "$failures" = 0 ]
