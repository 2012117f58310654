#!/usr/bin/env bash
# Makes the captures in this folder again: real programs in three network namespaces, joined by veth pairs.
#
#   client c0 ---- m0 middle m1 ---- s0 server        tcpdump runs in the middle, which routes
#
# Usage: traces/make.sh [OUTPUT-FOLDER [NAME...]]          needs root; default: this folder, all of them
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
"$here/../scripts/install-dependencies.sh" traces
[ "$(id -u)" -eq 0 ] || { echo "traces/make.sh: network namespaces need root" >&2; exit 1; }
out=$(cd "${1:-$here}" && pwd)
names=(http tls ipv6 reset half-close probes fragments mixed loss nat)
[ $# -lt 2 ] || names=("${@:2}")
scratch=$(mktemp -d)
client=mos-$$-c middle=mos-$$-m server=mos-$$-s
started=()

finish() {
  for pid in "${started[@]-}"; do [ -z "$pid" ] || kill "$pid" 2>/dev/null || true; done
  for pid in "${started[@]-}"; do [ -z "$pid" ] || wait "$pid" 2>/dev/null || true; done
  for space in $client $middle $server; do ip netns del $space 2>/dev/null || true; done
  rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 130' INT TERM

in_client() { ip netns exec $client "$@"; }
in_server() { ip netns exec $server "$@"; }
peer_client() { in_client python3 "$here/peer.py" "$@"; }

# join SPACE DEVICE MAC OTHER-SPACE OTHER-DEVICE OTHER-MAC
join() {
  ip link add "$2" netns "$1" address "$3" type veth peer name "$5" netns "$4" address "$6"
  for end in "$1 $2" "$4 $5"; do
    read -r space device <<<"$end"
    ip netns exec "$space" sysctl -qw "net.ipv6.conf.$device.accept_ra=0" "net.ipv6.conf.$device.accept_dad=0"
    ip netns exec "$space" ethtool -K "$device" tx off rx off tso off gso off gro off sg off >/dev/null
    ip -n "$space" link set "$device" up
  done
}

build_network() {
  for space in $client $middle $server; do
    ip netns add $space
    ip -n $space link set lo up
  done
  join $client c0 02:00:00:00:01:01 $middle m0 02:00:00:00:01:02
  join $middle m1 02:00:00:00:02:02 $server s0 02:00:00:00:02:01
  ip netns exec $middle sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
  for host in 10 11 12 66; do ip -n $client addr add 192.0.2.$host/24 dev c0; done
  for host in 1 53 80; do ip -n $server addr add 198.51.100.$host/24 dev s0; done
  ip -n $middle addr add 192.0.2.254/24 dev m0
  ip -n $middle addr add 198.51.100.254/24 dev m1
  ip -n $client route add default via 192.0.2.254
  ip -n $server route add default via 198.51.100.254
  ip -n $client addr add 2001:db8:1::10/64 dev c0 nodad
  ip -n $middle addr add 2001:db8:1::fe/64 dev m0 nodad
  ip -n $middle addr add 2001:db8:2::fe/64 dev m1 nodad
  ip -n $server addr add 2001:db8:2::80/64 dev s0 nodad
  ip -n $client -6 route add default via 2001:db8:1::fe
  ip -n $server -6 route add default via 2001:db8:2::fe
  # Who does not answer: nothing comes back from there, not even an ICMP error.
  ip -n $middle route add blackhole 203.0.113.0/24
}

start_servers() {
  local web=$scratch/web
  mkdir -p "$web/root" "$web/tmp"
  cp "$here/page.html" "$web/root/index.html"
  seq -f 'line %05g of a file that is larger than a window' 1 1000 >"$web/root/large.txt"
  seq -f 'line %05g of a file that loses some of its packets' 1 3600 >"$web/root/lossy.txt"
  printf '{"status":"ok","load":[0.12,0.08,0.05]}\n' >"$web/root/status.json"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj /CN=www.example \
    -keyout "$web/key.pem" -out "$web/cert.pem" 2>/dev/null
  cat >"$web/nginx.conf" <<END
daemon off; master_process off; pid $web/pid; error_log $web/error.log;
events { worker_connections 128; }
http {
  server_tokens off; access_log off; sendfile off;
  client_body_temp_path $web/tmp; proxy_temp_path $web/tmp; fastcgi_temp_path $web/tmp; uwsgi_temp_path $web/tmp;
  scgi_temp_path $web/tmp; types { text/html html; text/plain txt; application/json json; }
  server {
    listen 80; listen [::]:80; listen 443 ssl; listen [::]:443 ssl; server_name www.example; root $web/root;
    ssl_certificate $web/cert.pem; ssl_certificate_key $web/key.pem;
  }
}
END
  in_server nginx -p "$web" -c "$web/nginx.conf" &
  started+=($!)
  in_server python3 "$here/peer.py" serve &
  started+=($!)
  for _ in $(seq 50); do
    if in_client curl -s -o /dev/null http://198.51.100.80/ && peer_client ready 2>/dev/null; then
      sleep 1
      return
    fi
    sleep 0.1
  done
  echo "traces/make.sh: the servers did not start" >&2
  exit 1
}

# capture NAME DEVICE COMMAND...: runs COMMAND while the middle's DEVICE is captured into NAME.pcap, without the
# multicast listener reports that the kernel sends when it likes
capture() {
  local name=$1 device=$2 log=$scratch/tcpdump.log
  shift 2
  ip netns exec $middle tcpdump -Z root -i "$device" -s 0 --immediate-mode -U -w "$scratch/$name.pcap" \
    'not ip6 proto 0' 2>"$log" &
  local pid=$!
  started+=("$pid")
  for _ in $(seq 50); do grep -q 'listening on' "$log" && break || sleep 0.1; done
  "$@"
  sleep 0.5
  kill -INT "$pid"
  wait "$pid" || true
  if ! grep -q '^0 packets dropped by kernel' "$log"; then
    echo "traces/make.sh: $name.pcap is not complete: $(tail -n 1 "$log")" >&2
    exit 1
  fi
  mv "$scratch/$name.pcap" "$out/$name.pcap"
  chmod 644 "$out/$name.pcap"
  printf '%-18s %s\n' "$name.pcap" "$(grep 'packets captured' "$log")"
}

# drop SPACE DEVICE PERIOD PHASE: every PERIOD-th TCP packet that arrives at DEVICE is lost behind the capture point.
drop() {
  ip netns exec "$1" nft -f - <<END
table netdev loss_$2 {
  chain ingress {
    type filter hook ingress device $2 priority 0;
    ip protocol tcp numgen inc mod $3 == $4 drop
  }
}
END
}
undrop() { ip netns exec "$1" nft delete table netdev "loss_$2"; }

fetch() { in_client curl -sk --max-time 20 -o /dev/null "$@"; }

http() {
  fetch http://198.51.100.80/ -o /dev/null http://198.51.100.80/status.json -o /dev/null http://198.51.100.80/missing
  fetch http://198.51.100.80/large.txt
  fetch -H 'Connection: close' http://198.51.100.80/status.json
}

tls() {
  fetch https://198.51.100.80/ -o /dev/null https://198.51.100.80/status.json
  fetch --tls-max 1.2 https://198.51.100.80/
}

ipv6() {
  fetch -g 'http://[2001:db8:2::80]/' -o /dev/null 'http://[2001:db8:2::80]/status.json'
  fetch -g 'https://[2001:db8:2::80]/'
  in_client ping -q -c 2 -i 0.2 2001:db8:2::80 >/dev/null
  peer_client scan 2001:db8:2::80 9000 2
}

reset() {
  peer_client scan 198.51.100.80 9000 1
  peer_client reset-by-client
  peer_client reset-by-server
  peer_client reset-unread
}

probes() {
  peer_client slow-reader
  peer_client keep-alive
}

loss() {
  # Lost before the capture point: the hole is seen, and filled later. Lost behind it: the same bytes are seen twice.
  drop $middle m1 31 20
  drop $client c0 37 30
  fetch http://198.51.100.80/lossy.txt
  undrop $client c0
  undrop $middle m1
}

fragments() {
  peer_client datagrams 198.51.100.1 4000
  peer_client datagrams 2001:db8:2::80 4000
  # TCP segments without DF (a locked MTU), cut by the router: the client's side has the smaller MTU.
  ip -n $middle link set m0 mtu 1280
  ip -n $server route change default via 198.51.100.254 mtu lock 1500
  fetch --range 0-7999 http://198.51.100.80/large.txt
  ip -n $server route change default via 198.51.100.254
  ip -n $middle link set m0 mtu 1500
}

mixed() {
  peer_client dns 192.0.2.10 www.example
  fetch --interface 192.0.2.10 http://198.51.100.80/ -o /dev/null http://198.51.100.80/status.json
  fetch --interface 192.0.2.11 https://198.51.100.80/
  in_client ping -q -c 3 -i 0.2 -I 192.0.2.11 198.51.100.1 >/dev/null
  peer_client scan 198.51.100.80 8000 20 192.0.2.66 &
  local scan=$!
  drop $client c0 29 20
  fetch --interface 192.0.2.12 http://198.51.100.80/large.txt
  undrop $client c0
  wait $scan
  peer_client half-close
  peer_client reset-by-client
  peer_client dns 192.0.2.12 mail.example
  peer_client unanswered
}

# What comes to a NAT at both of its interfaces, and what Linux's own NAT makes of it. Two hosts use the same port: Linux
# would pick any other for the second one, and is told to take the next.
nat() {
  ip netns exec $middle nft -f - <<END
table ip nat {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname m1 ip saddr 192.0.2.11 tcp sport 40000 snat to 198.51.100.254:40001
    oifname m1 snat to 198.51.100.254
  }
}
END
  local way device pids=()
  for way in in out; do
    for device in m0 m1; do
      ip netns exec $middle tcpdump -Z root -i $device -Q $way -s 0 --immediate-mode -U -w "$scratch/$way-$device.pcap" \
        'tcp or udp' 2>"$scratch/$way-$device.log" &
      pids+=($!)
      started+=($!)
    done
  done
  sleep 1
  peer_client dns 192.0.2.10 www.example
  fetch --interface 192.0.2.10 --local-port 40000 http://198.51.100.80/
  fetch --interface 192.0.2.11 --local-port 40000 http://198.51.100.80/status.json
  fetch --interface 192.0.2.12 http://198.51.100.80/missing
  peer_client reset-by-client
  peer_client dns 192.0.2.11 mail.example
  # From outside, for nobody.
  in_server bash -c 'echo unsolicited >/dev/udp/198.51.100.254/9'
  sleep 0.5
  kill -INT "${pids[@]}"
  wait "${pids[@]}" || true
  ip netns exec $middle nft delete table ip nat
  mergecap -F pcap -w "$out/nat.pcap" "$scratch"/in-m?.pcap
  mergecap -F pcap -w "$out/nat-linux.pcap" "$scratch"/out-m?.pcap
  chmod 644 "$out/nat.pcap" "$out/nat-linux.pcap"
}

build_network
start_servers
for name in "${names[@]}"; do
  case $name in
    half-close) capture half-close m0 peer_client half-close ;;
    nat) nat ;;
    *) capture "$name" m0 "$name" ;;
  esac
done
