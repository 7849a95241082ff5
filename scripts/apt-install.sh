#!/usr/bin/env bash
# Installs Debian packages without asking anything: as root, or with a sudo
# that wants no password. Fails, saying why, where neither is to be had.
#
#   scripts/apt-install.sh gcc libc6-dev postgresql mariadb-server
set -euo pipefail

if ! command -v apt-get >/dev/null; then
  echo "apt-install: no apt-get on this machine" >&2
  exit 1
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
    echo "apt-install: neither root nor a sudo without password" >&2
    exit 1
  fi
  as_root=(sudo -n)
fi

# A database package starts a server for the whole machine when it is
# installed. We only want its programs, so for the time of the installation a
# policy-rc.d forbids it; one that is already there is left alone.
policy=/usr/sbin/policy-rc.d
wrote_policy=
log=$(mktemp)
clean_up() {
  rm -f "$log"
  if [ -n "$wrote_policy" ]; then
    "${as_root[@]}" rm -f "$policy"
  fi
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
if [ ! -e "$policy" ]; then
  wrote_policy=yes
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 0755 "$policy"
fi

echo "apt-install: installing $* (a minute or so)" >&2
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get
  -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold -q)
if ! { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "$@"; } </dev/null >"$log" 2>&1; then
  tail -n 40 "$log" >&2
  exit 1
fi
