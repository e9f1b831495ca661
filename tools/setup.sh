#!/bin/sh
# Install the Debian packages that are missing, and start no service.
#
#   tools/setup.sh build   what building and running Funicular needs
#   tools/setup.sh test    that, and what its tests need
#
# Without missing packages nothing happens and no rights are needed. Else root
# does it, or sudo where it is there.
set -eu

build="gcc libc6-dev cmake ninja-build pkg-config libsodium-dev
	libgnutls28-dev libxml2-dev libsqlite3-dev libpq-dev libical-dev
	libmicrohttpd-dev libcurl4-gnutls-dev libsystemd-dev libinih-dev
	libjson-c-dev zlib1g-dev libcmocka-dev libwbxml2-dev libstrophe-dev
	python3 tzdata"
tests="git clang clang-tidy cppcheck libclang-rt-14-dev llvm syncevolution
	clang-format-14 mandoc nginx-light haproxy postgresql pgbouncer
	prosody python3-aiosmtpd openssl kannel kannel-extras
	dovecot-imapd dovecot-lmtpd libsynthesis-dev g++
	python3-icalendar python3-dateutil"

case "${1:-build}" in
build) wanted=$build ;;
test) wanted="$build $tests" ;;
*)
	echo "usage: tools/setup.sh [build|test]" >&2
	exit 2
	;;
esac

installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = \
		installed ]
}

missing=
for p in $wanted; do
	installed "$p" || missing="$missing $p"
done
[ -n "$missing" ] || exit 0

root=
if [ "$(id -u)" != 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "setup: as root, please: apt-get install$missing" >&2
		exit 1
	fi
	root=sudo
fi

echo "setup: installing$missing"
undo=
trap '$root rm -f $undo' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# Debian starts a daemon when it is installed, unless this file says no.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	undo=$policy
	printf '#!/bin/sh\nexit 101\n' | $root tee $policy >/dev/null
	$root chmod 755 $policy
fi
# And it makes a PostgreSQL cluster. The tests make their own.
clusters=/etc/postgresql-common/createcluster.d
$root mkdir -p $clusters
undo="$undo $clusters/funicular.conf"
echo 'create_main_cluster = false' |
	$root tee $clusters/funicular.conf >/dev/null
$root env DEBIAN_FRONTEND=noninteractive apt-get update -q
# shellcheck disable=SC2086 # a list of words
$root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y \
	--no-install-recommends $missing
