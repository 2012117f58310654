#!/usr/bin/env bash
# Replays a small capture and shows what can be seen in it, with the commands that do so.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH=$PWD/.build/release:$PATH
streams=$(mktemp -d)
trap 'rm -rf "$streams"' EXIT
trace=traces/mixed.pcap

bold='' plain=''
if [ -t 1 ]; then bold=$'\e[1m' plain=$'\e[0m'; fi
# show TEXT COMMAND: what is to be seen, the command, and its output
show() {
  printf '\n%s%s%s\n$ %s\n' "$bold" "$1" "$plain" "$2"
  bash -o pipefail -c "$2"
}

echo "A capture of 2 seconds: DNS, HTTP, TLS, ping, a port scan, a lossy transfer, resets. See traces/README.md."
show 'What is in it?' "mos replay $trace"
show 'Who talked to whom, and how did it end?' \
  "mos replay --quiet --conn-log - $trace | scripts/show-connections.py"
show 'What was sent again, and where?' \
  "mos replay --quiet --events - $trace | grep '\"retransmission\"'"
# Behind the summary, which was shown above.
show 'Who sent the most, and what would a firewall stop? (traces/monitor.yaml, traces/firewall.yaml)' \
  "mos replay --middlebox monitor --config traces/monitor.yaml --middlebox firewall --config traces/firewall.yaml $trace \\
    | sed '/^packets/,/^memory/d'"

web=$(mos replay --quiet --conn-log - $trace | scripts/show-connections.py --stream 192.0.2.10 80)
printf '\n%sWhat did the web server say? Each stream as a file, put together again.%s\n' "$bold" "$plain"
printf '$ mos replay --quiet --extract streams %s\n$ cat streams/%s\n' "$trace" "$web"
mos replay --quiet --extract "$streams" $trace
cat "$streams/$web"
printf '\n%sYour own captures:%s .build/release/mos replay --help\n' "$bold" "$plain"
