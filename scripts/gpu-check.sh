#!/usr/bin/env bash
# Checks and measures Kumpas on this machine's NVIDIA GPU, in under ten minutes, and prints a table (Markdown) for bench/README.md:
#   npm run gpu-check
#   npm run gpu-check -- --pytorch python3   beside PyTorch on the same GPU, where that Python has it
#   npm run gpu-check -- --cpu               the same on the processor and in small, to see that the script itself works
# The table goes to stdout, what happens meanwhile to stderr. Exit code 1 where there is no GPU, or where something fails (it is in the table).
set -u
cd "$(dirname "$0")/.." || exit 1

backend=gpu pytorch=()
while [ $# -gt 0 ]; do
  case "$1" in
    --cpu) backend=cpu ;;
    --pytorch)
      [ $# -gt 1 ] || { echo 'gpu-check: --pytorch needs a Python that has PyTorch: --pytorch python3' >&2; exit 1; }
      pytorch=(--pytorch "$2")
      shift
      ;;
    *)
      echo "gpu-check: $1: unknown; it takes --cpu and --pytorch PYTHON" >&2
      exit 1
      ;;
  esac
  shift
done
if [ "$backend" = gpu ] && [ ! -e /dev/nvidiactl ] && [ ! -e /dev/dxg ]; then
  echo 'gpu-check: there is no NVIDIA GPU here (no /dev/nvidiactl); npm run gpu-check -- --cpu runs the same on the processor, in small' >&2
  exit 1
fi
export KUMPAS_BACKEND=$backend

if [ "$backend" = gpu ]; then
  tests=(test/parity test/engine/products.test.ts test/engine/gru-states.test.ts test/engine/cudnn-gru.test.ts)
  step=() gru=(--model iv3_gru --frames 300) epoch=(--runs 4) evaluate=() features=() long=(--frames 30 --runs 500)
else
  tests=(test/parity/transformer-forward.test.ts)
  small=(--layers 1 --heads 2 --emb 16 --batch 4 --frames 8)
  evaluate=("${small[@]}" --runs 1) features=(--runs 1)
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

times='`${f.median_ms} (${f.min_ms}) ms` + (f.pytorch ? `; PyTorch ${f.pytorch.version} ${f.pytorch.median_ms} (${f.pytorch.min_ms}) ms` : "") + (f.ratio_to_pytorch ? `: ${f.ratio_to_pytorch}` : "")'
bench() { npm run -s bench -- "$@" --json; }
export -f bench
timed() { row "\`$1\`" "$2" "$3" bash -c 'bench "$@"' bench "${@:4}"; }

node scripts/prepare.js >&2 || exit 1
started=$SECONDS
# PyTorch's figures are of full float32, so the tests are without TensorFloat-32.
row 'parity tests' 200 '"passed"' env NVIDIA_TF32_OVERRIDE=0 npx jest --silent "${tests[@]}"
timed 'step' 60 "$times + (f.machine ? '; ' + f.machine.device : '')" step "${step[@]}" "${pytorch[@]}"
timed 'step --frames 30' 60 "$times" step "${step[@]}" --frames 30 "${pytorch[@]}"
timed 'step --amp' 60 "$times + '; bfloat16: ' + (f.setting.amp.bfloat16.join(', ') || 'nothing wins')" step "${step[@]}" --amp "${pytorch[@]}"
timed 'step --amp force' 60 "$times" step "${step[@]}" --amp force
timed 'step --model iv3_gru' 60 "$times" step "${gru[@]}" "${pytorch[@]}"
if [ "$backend" = gpu ]; then timed 'step --model iv3_gru --no-cudnn-gru' 60 "$times" step "${gru[@]}" --no-cudnn-gru; fi
timed 'epoch' 90 "$times" epoch "${epoch[@]}" "${pytorch[@]}"
timed 'evaluate' 60 '`${f.clips_per_second} clips/s` + (f.pytorch ? `; PyTorch ${f.pytorch.clips_per_second}: ${f.rate_by_pytorchs}` : "")' evaluate "${evaluate[@]}" "${pytorch[@]}"
timed 'features' 60 '`${f.frames_per_second} frames/s` + (f.torchvision ? `; torchvision ${f.torchvision.frames_per_second}, ${f.torchvision.fastest_layout}: ${f.times_as_fast_as_torchvision}` : "")' features "${features[@]}" "${pytorch[@]}"

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
