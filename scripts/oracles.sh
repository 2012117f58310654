#!/usr/bin/env bash
# Compares the connection records with independent expectations (tshark, a real Linux host, Arkime, Zeek).
# The captures and expectations are no part of the project: MOS_SHARED names their folder, ../shared by default.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
shared=${MOS_SHARED:-../shared}
mos=.build/release/mos
if [ ! -d "$shared/oracles" ]; then
  echo "oracles: skipped, there is no folder $shared/oracles (set MOS_SHARED)"
  exit 0
fi

failures=0
# compare MODE MINIMUM OPTION...: prints the score; every disagreement listed so far when it is below the minimum
compare() {
  local mode=$1 minimum=$2 output
  shift 2
  if output=$(python3 "$shared/oracles/compare.py" "$mode" --mos "$mos" --min "$minimum" "$@" 2>&1); then
    printf '%s  (at least %s %%)\n' "$(tail -n 1 <<<"$output")" "$minimum"
  else
    printf '%s\noracles: %s is below %s %%\n' "$output" "$mode" "$minimum" >&2
    failures=$((failures + 1))
  fi
}

compare streams 99 --pcaps "$shared/pcaps/real" --expected "$shared/oracles/expected"
compare evasion 100 --pcaps "$shared/pcaps/evasion"
compare arkime 98 --pcaps "$shared/pcaps" --expected "$shared/oracles/arkime_sessions.jsonl"
compare zeek 85 --pcaps "$shared/pcaps" --expected "$shared/oracles/zeek_conn.jsonl"
[ "$failures" -eq 0 ]
