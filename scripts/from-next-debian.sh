#!/usr/bin/env bash
# Unpacks packages of the next Debian release into a folder. Nothing is installed: apt's own lists and state stay as
# they are, and no script of a package runs. Packages come without what they depend on.
#
#   scripts/from-next-debian.sh FOLDER PACKAGE…
set -euo pipefail

NEXT=trixie
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

[ $# -ge 2 ] || { echo "usage: $0 FOLDER PACKAGE…" >&2; exit 2; }
folder=$1
shift
apt=$(mktemp -d)
trap 'rm -rf "$apt"' EXIT
mkdir -p "$apt"/{etc/preferences.d,etc/apt.conf.d,state/lists/partial,cache/archives/partial,deb} "$folder"

# This machine's own mirror, as apt knows it.
# shellcheck disable=SC2016 # apt's own format, not the shell's
known=$(apt-get indextargets --format '$(REPO_URI) $(COMPONENT)' 'Created-By: Packages' | awk '$2 == "main" { print $1 }')
# Its usual path; else the first that is not the one for security updates.
mirror=$(grep -E '/debian/?$' <<<"$known" | head -1 || true)
mirror=${mirror:-$(grep -v security <<<"$known" | head -1 || true)}
[ -n "$mirror" ] || { echo "$0: apt on this machine knows no Debian mirror" >&2; exit 1; }
echo "deb [signed-by=$KEYRING] $mirror $NEXT main" >"$apt/etc/sources.list"
cat >"$apt/apt.conf" <<EOF
Dir::Etc "$apt/etc";
Dir::Etc::sourcelist "$apt/etc/sources.list";
Dir::Etc::sourceparts "-";
Dir::State "$apt/state";
Dir::State::status "/dev/null";
Dir::Cache "$apt/cache";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
EOF
export APT_CONFIG=$apt/apt.conf
apt-get -qq update >&2
(cd "$apt/deb" && apt-get -qq download "$@" >&2)
for package in "$apt"/deb/*.deb; do dpkg-deb -x "$package" "$folder"; done
