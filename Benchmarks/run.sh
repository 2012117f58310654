#!/usr/bin/env bash
# Makes the traces and the programs to compare with (once, in .cache), then measures.
# Usage: Benchmarks/run.sh [ROUNDS]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
mkdir -p .cache

# trace NAME ARGUMENT...
trace() {
  local name=$1 kind=$2
  shift 2
  [ -f ".cache/$name.pcap" ] && return
  python3 genpcap.py "$kind" ".cache/$name.part" "$@"
  mv ".cache/$name.part" ".cache/$name.pcap"
}
trace A A
trace B B
trace C C
trace D A 200000 200000

# program NAME SOURCE ARGUMENT...
program() {
  local name=$1 source=$2
  shift 2
  [ ".cache/$name" -nt "$source" ] || gcc -O3 -w "$source" -o ".cache/$name" "$@"
}
program floor floor.c -msse4.2 -lpcap
program floor-large floor.c -msse4.2 '-DN=(1u<<19)' -lpcap
program nids nids_bench.c -lnids -lnet -lpcap -lglib-2.0 -lgthread-2.0
python3 measure.py "${1:-7}"
echo
./bridge.py
./track-inline.py
if [ "$(id -u)" -eq 0 ] && command -v iperf3 ethtool >/dev/null; then
  ./veth.py
else
  echo "bench: nothing over veth, which takes root, iperf3 and ethtool"
fi
rules=${MOS_SHARED:-../../shared}/rules
if [ -d "$rules" ]; then
  echo
  python3 measure-ids.py "${1:-7}" "$rules"
else
  echo "bench: no IDS, there is no folder $rules with rules (set MOS_SHARED)"
fi
