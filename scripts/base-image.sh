#!/usr/bin/env bash
# Sees to it that a Python base image is held by the local Docker engine, and prints its name (nothing else) on stdout.
#
#   scripts/base-image.sh            the first that works of:
#     1. $MLREEF_BASE_IMAGE, when the engine holds it or can pull it (an error when neither)
#     2. python:3.12-slim-bookworm, when the engine holds it or can pull it in time
#     3. mlreef/base:local, made from this Debian host's own files, without any registry
#
# Settings: PULL_SECONDS (time a pull may take, default 90), MLREEF_BASE_IMAGE, MLREEF_BASE=host (straight to 3).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

PUBLIC=python:3.12-slim-bookworm
LOCAL=mlreef/base:local
PULL_SECONDS=${PULL_SECONDS:-90}
CERTIFICATES=/etc/ssl/certs/ca-certificates.crt
SYSTEM_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

say() { echo "$*" >&2; }
held() { docker image inspect "$1" >/dev/null 2>&1; }
pulled() { timeout "$PULL_SECONDS" docker pull --quiet "$1" >/dev/null 2>&1 </dev/null; }

# A CPython with a prefix and a pip of its own can be copied as it is; Debian's is spread over /usr.
own_prefix() {
  local candidate
  for candidate in python3 python3.13 python3.12 python3.11 /usr/local/bin/python3; do
    "$candidate" - 2>/dev/null <<'PYTHON' && return 0
import os, sys, sysconfig
prefix = os.path.realpath(sys.base_prefix)
pip = os.path.join(prefix, "lib", f"python{sys.version_info.major}.{sys.version_info.minor}", "site-packages", "pip")
if sys.version_info < (3, 11) or prefix in ("/usr", "/") or not os.path.isdir(pip):
    sys.exit(1)
print(prefix)
PYTHON
  done
  return 1
}

make_from_host() {
  local prefix recipe root path=$SYSTEM_PATH
  if ! command -v dpkg >/dev/null; then
    say "No base image: $PUBLIC cannot be pulled, and only a Debian host can be made into one."
    say "Load one (docker load < python.tar) and name it: MLREEF_BASE_IMAGE=NAME make demo"
    return 1
  fi
  prefix=$(own_prefix) || prefix=-
  recipe=$({ cat "$here/host_rootfs.py" "$here/base-image.sh" "$CERTIFICATES" 2>/dev/null || true; echo "$prefix"; } |
    sha256sum | cut -c1-16)
  if [ "$(docker image inspect -f '{{index .Config.Labels "io.mlreef.recipe"}}' "$LOCAL" 2>/dev/null)" = "$recipe" ]; then
    return 0
  fi
  say "Making $LOCAL from this host's own files (about 15 seconds, once)"
  root=$(mktemp -d)
  # shellcheck disable=SC2064
  trap "rm -rf '$root'" EXIT
  chmod 755 "$root"
  python3 "$here/host_rootfs.py" "$prefix" | tar -x -C "$root"
  if [ "$prefix" = - ]; then
    # Debian's own python3 refuses a plain `pip install`: a virtual environment first on PATH is this image's Python.
    chroot "$root" python3 -m venv /usr/local/venv
    path=/usr/local/venv/bin:$path
  fi
  ldconfig -r "$root"
  # The certificates that this host trusts let pip and git inside reach what they reach outside.
  tar -C "$root" -c . | docker import \
    --change "ENV PATH=$path LANG=C.UTF-8 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1" \
    --change "ENV PIP_CERT=$CERTIFICATES SSL_CERT_FILE=$CERTIFICATES REQUESTS_CA_BUNDLE=$CERTIFICATES" \
    --change "LABEL io.mlreef.recipe=$recipe" --change 'CMD ["python3"]' - "$LOCAL-untried" >/dev/null
  docker run --rm --network none "$LOCAL-untried" \
    sh -ec 'python -c "import bz2, ctypes, lzma, sqlite3, ssl, venv"; python -m pip --version; git --version' >&2
  docker tag "$LOCAL-untried" "$LOCAL"
  docker rmi "$LOCAL-untried" >/dev/null
}

if [ -n "${MLREEF_BASE_IMAGE:-}" ]; then
  if held "$MLREEF_BASE_IMAGE" || pulled "$MLREEF_BASE_IMAGE"; then echo "$MLREEF_BASE_IMAGE"; exit; fi
  say "MLREEF_BASE_IMAGE names $MLREEF_BASE_IMAGE, which this engine neither holds nor can pull"
  exit 1
fi
if [ "${MLREEF_BASE:-}" != host ] && { held "$PUBLIC" || pulled "$PUBLIC"; }; then echo "$PUBLIC"; exit; fi
make_from_host
echo "$LOCAL"
