#!/usr/bin/env bash
# Compares the connection records, the alerts of the IDS and what TLS handshakes tell with independent expectations (tshark, a real Linux host,
# Arkime, Zeek, Suricata).
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
# compare NAME MINIMUM COMMAND...: prints the score; every disagreement listed so far when it is below the minimum
compare() {
  local name=$1 minimum=$2 output
  shift 2
  if output=$("$@" --mos "$mos" --min "$minimum" 2>&1); then
    printf '%s  (at least %s %%)\n' "$(tail -n 1 <<<"$output")" "$minimum"
  else
    printf '%s\noracles: %s is below %s %%\n' "$output" "$name" "$minimum" >&2
    failures=$((failures + 1))
  fi
}
records=(python3 "$shared/oracles/compare.py")

compare streams 99 "${records[@]}" streams --pcaps "$shared/pcaps/real" --expected "$shared/oracles/expected"
compare evasion 100 "${records[@]}" evasion --pcaps "$shared/pcaps/evasion"
compare arkime 98 "${records[@]}" arkime --pcaps "$shared/pcaps" --expected "$shared/oracles/arkime_sessions.jsonl"
compare zeek 85 "${records[@]}" zeek --pcaps "$shared/pcaps" --expected "$shared/oracles/zeek_conn.jsonl"
compare suricata 98 scripts/suricata-compare.py --pcaps "$shared/pcaps" \
  --expected "$shared/oracles/suricata_flows.jsonl"
compare alerts 96 scripts/alerts-compare.py --pcaps "$shared/pcaps" --rules "$shared/rules" \
  --expected "$shared/oracles/suricata_alerts.jsonl"
compare message-alerts 91 scripts/alerts-compare.py --pcaps "$shared/pcaps" --rules Tests/Oracles/Messages \
  --expected Tests/Oracles/Messages/alerts.jsonl
compare tls 88 scripts/tls-compare.py --pcaps "$shared/pcaps/real" "$shared/pcaps/arkime" "$shared/pcaps/zeek" traces
[ "$failures" -eq 0 ]
