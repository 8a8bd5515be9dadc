#!/usr/bin/env bash
# Makes a Debian machine one that can run every test: packages, and a Docker engine when none answers. Run as root;
# running it again changes nothing. It installs from Debian alone. Of PostgreSQL only the programs are needed: the
# tests start a server of their own and throw it away.
#
#   scripts/ci-machine.sh         install what is missing and start an engine
#   scripts/ci-machine.sh stop    end the engine that this script started
set -euo pipefail

STATE=${STATE:-/var/tmp/mlreef-ci-machine}
ENGINE_SECONDS=60
LARGEST_MTU=1500
PLUGINS=/usr/local/lib/docker/cli-plugins
export DEBIAN_FRONTEND=noninteractive

say() { echo "ci-machine: $*" >&2; }

engine_answers() { timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

started_engine() { # prints the id of the dockerd that this script started, while it runs
  local pid
  pid=$(cat "$STATE/dockerd.pid" 2>/dev/null) || return 1
  [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ] || return 1
  echo "$pid"
}

packages() {
  local wanted=() missing=() name
  command -v dockerd >/dev/null && command -v docker >/dev/null || wanted+=(docker.io)
  command -v python3 >/dev/null && python3 -c 'import ensurepip' 2>/dev/null || wanted+=(python3-venv)
  ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || wanted+=(postgresql)
  command -v systemd-analyze >/dev/null || wanted+=(systemd)
  wanted+=(ca-certificates git iptables make docker-registry rsync skopeo umoci)
  # What packages without a wheel are built with: tests let that fail, in the compiler's own words.
  wanted+=(gcc libc6-dev)
  # A browser, and the letters that the pictures of docs/ are set in.
  wanted+=(chromium chromium-driver fonts-dejavu-core fonts-inter fonts-jetbrains-mono fonts-noto-color-emoji)
  for name in "${wanted[@]}"; do
    dpkg-query --show --showformat '${Status}' "$name" 2>/dev/null | grep -q ' installed$' || missing+=("$name")
  done
  if [ ${#missing[@]} -eq 0 ]; then return; fi
  say "installing ${missing[*]}"
  # A package must not start a service of its own here: the engine is started below, with this machine's MTU.
  local policy=/usr/sbin/policy-rc.d own=
  if [ ! -e $policy ]; then own=1; printf '#!/bin/sh\nexit 101\n' >$policy; chmod +x $policy; fi
  { apt-get -qq -o DPkg::Lock::Timeout=300 update &&
    apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "${missing[@]}"; } \
    </dev/null >"$STATE/apt.log" 2>&1 || { [ -z "$own" ] || rm -f $policy; tail -20 "$STATE/apt.log" >&2; return 1; }
  [ -z "$own" ] || rm -f $policy
}

engine() {
  local link mtu pid
  if engine_answers; then return; fi
  if ! started_engine >/dev/null; then
    # Containers that send larger packets than the way out takes lose them without a word.
    link=$(awk '$2 == "00000000" { print $1; exit }' /proc/net/route)
    mtu=$(cat "/sys/class/net/${link:-lo}/mtu")
    [ "$mtu" -le $LARGEST_MTU ] || mtu=$LARGEST_MTU
    say "starting dockerd (its log: $STATE/dockerd.log)"
    setsid nohup dockerd --mtu "$mtu" --pidfile "$STATE/dockerd.pid" </dev/null >"$STATE/dockerd.log" 2>&1 &
    pid=$!
  fi
  for _ in $(seq $((ENGINE_SECONDS * 5))); do
    if engine_answers; then return; fi
    [ -z "${pid:-}" ] || kill -0 "$pid" 2>/dev/null || break
    sleep 0.2
  done
  say "dockerd ended, or did not answer within $ENGINE_SECONDS seconds; the end of its log:"
  tail -20 "$STATE/dockerd.log" >&2
  return 1
}

stop() {
  local pid
  pid=$(started_engine) || return 0
  kill "$pid"
  for _ in $(seq 150); do
    kill -0 "$pid" 2>/dev/null || { say "ended dockerd ($pid)"; return; }
    sleep 0.2
  done
  say "dockerd ($pid) does not end"
  return 1
}

# Checks our signatures as anybody else would. Debian has it from the next release on: unpacked, not installed.
cosign_program() {
  if command -v cosign >/dev/null; then return; fi
  say "unpacking cosign"
  "$(dirname "$0")/from-next-debian.sh" "$STATE/cosign" cosign || return 1
  ln -sf "$STATE/cosign/usr/bin/cosign" /usr/local/bin/cosign
}

# BuildKit's client. Debian has it from the next release on; the engine itself stays Debian's own.
buildx_plugin() {
  if docker buildx version >/dev/null 2>&1; then return; fi
  say "unpacking buildx"
  "$(dirname "$0")/from-next-debian.sh" "$STATE/buildx" docker-buildx || return 1
  install -D -m 755 "$STATE/buildx/usr/libexec/docker/cli-plugins/docker-buildx" "$PLUGINS/docker-buildx"
}

[ "$(id -u)" = 0 ] || { say "run this as root"; exit 1; }
command -v apt-get >/dev/null || { say "this is no Debian: install a Docker engine, rsync, git and make yourself"; exit 1; }
mkdir -p "$STATE"
case ${1:-start} in
  start)
    packages
    # Without these the tests that need them fail, and all others still tell what they have to tell.
    cosign_program || say "there is no cosign: this machine's mirror does not have Debian's next release"
    buildx_plugin || say "there is no buildx: this machine's mirror does not have Debian's next release"
    engine
    say "Docker engine $(docker version --format '{{.Server.Version}}') answers"
    ;;
  stop) stop ;;
  *) say "usage: $0 [start|stop]"; exit 2 ;;
esac
