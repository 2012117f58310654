#!/usr/bin/env bash
# Usage: Fuzz/run.sh [SECONDS [TARGET...]]
# Builds the fuzz targets with AddressSanitizer and runs each for SECONDS (60), from a corpus seeded with the captures of
# traces/ and, where it is there, of MOS_SHARED/pcaps. A crash fails, with the path of the input that caused it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
seconds=${1:-60}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(
  capture dns edit ftp headers http ids-rules inline kept options rules tls tracker translation)

swift=$(command -v "${SWIFT:-swift}")
library=$(find "$(dirname "$(readlink -f "$swift")")/../lib/clang" -name "libclang_rt.fuzzer_no_main-$(uname -m).a" -print -quit)
[ -n "$library" ] || { echo "fuzz: the toolchain of $swift has no libclang_rt.fuzzer_no_main" >&2; exit 3; }

cd "$here"
# Optimised, which is ten times as fast, but with assertions. The linker's warnings about the sanitizer's symbols would
# bury an error.
"$swift" build -c release --sanitize=address --quiet -Xswiftc -assert-config -Xswiftc Debug \
  -Xswiftc -sanitize-coverage=edge,inline-8bit-counters,pc-table,indirect-calls,trace-cmp \
  -Xlinker "$library" -Xlinker -lstdc++ 2>&1 | sed '/warning: Cannot export local symbol/d'
fuzz=$("$swift" build -c release --sanitize=address --show-bin-path)/fuzz

shared=${MOS_SHARED:-$here/../../shared}
mapfile -t captures < <(
  find "$here/../traces" -name '*.pcap*' -type f
  [ ! -d "$shared/pcaps" ] || find "$shared/pcaps" -name '*.pcap*' -type f)

# The Swift backtracer and AddressSanitizer get in each other's way.
export SWIFT_BACKTRACE=enable=no
failed=0
for target in "${targets[@]}"; do
  corpus=$here/.build/corpus/$target
  crashes=$here/.build/crashes/$target
  mkdir -p "$corpus" "$crashes"
  "$fuzz" seed "$target" "$corpus" "${captures[@]}" 2>/dev/null
  log=$here/.build/$target.log
  started=$(date +%s)
  # Stuck, it is ended a while after its time.
  if timeout -s KILL "$((seconds + 60))" "$fuzz" "$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 \
    -max_len=8192 -len_control=20 -artifact_prefix="$crashes/" -print_final_stats=1 "$corpus" >"$log" 2>&1; then
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    echo "fuzz: $target: ${runs:-0} inputs in $(($(date +%s) - started)) s, no crash"
  else
    failed=1
    grep -aE 'ERROR|Fatal error|failed: |SUMMARY' "$log" | head -5 >&2 || true
    reproducer=$(sed -n 's/.*Test unit written to //p' "$log" | tail -1)
    echo "fuzz: $target failed; input: ${reproducer:-none written}; log: $log" >&2
    echo "fuzz: again: SWIFT_BACKTRACE=enable=no $fuzz $target ${reproducer:-INPUT}" >&2
  fi
done
exit $failed
