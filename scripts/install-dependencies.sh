#!/usr/bin/env bash
# Installs the Debian packages that the given groups need and that are missing; does nothing when all are there.
# Usage: scripts/install-dependencies.sh [build] [demo] [test] [fuzz] [bench] [traces]      (default: build test)
set -euo pipefail

group_packages() {
  case "$1" in
    build) echo libdpdk-dev libhyperscan-dev libpcap-dev libpcre2-dev libyaml-dev pkg-config zlib1g-dev ;;
    demo) echo python3 ;;
    test) echo binutils curl dpdk-dev ethtool iperf3 iproute2 iputils-ping nftables python3 tcpdump tcpflow tshark valgrind vsftpd ;;
    fuzz) echo libstdc++-12-dev ;;
    bench) echo dpdk-dev gcc libc6-dev libpcap-dev libnids-dev libnet1-dev libglib2.0-dev pkg-config python3 ;;
    traces) echo python3 wireshark-common nginx-light curl openssl iproute2 iputils-ping tcpdump nftables ethtool procps ;;
    *)
      echo "install-dependencies: no group named '$1' (build, demo, test, fuzz, bench, traces)" >&2
      return 2
      ;;
  esac
}

groups=("$@")
[ ${#groups[@]} -gt 0 ] || groups=(build test)
wanted=()
for group in "${groups[@]}"; do
  packages=$(group_packages "$group")
  read -ra list <<<"$packages"
  wanted+=("${list[@]}")
done

if ! command -v dpkg-query >/dev/null; then
  echo "install-dependencies: not a Debian system; what is needed is called there: ${wanted[*]}" >&2
  exit 0
fi

missing=()
for package in "${wanted[@]}"; do
  state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || case " ${missing[*]-} " in *" $package "*) ;; *) missing+=("$package") ;; esac
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
  echo "install-dependencies: missing: ${missing[*]}" >&2
  echo "install-dependencies: run: sudo apt-get install ${missing[*]}" >&2
  exit 1
fi
echo "install-dependencies: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# A package's daemon (nginx) must not start on the machine.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
  trap 'rm -f "$policy"' EXIT
fi
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
