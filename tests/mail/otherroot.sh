#!/bin/sh
# A root of Debian 12 with another IMAP server in it, for tests/mail/others.py:
# Debian's IMAP servers cannot be installed beside each other.
#
#   tests/mail/otherroot.sh FOLDER PACKAGE...
#
# Exit status: 0 it is there, 77 it cannot be made here (it takes root, and a
# mirror). What is there already stays as it is.
set -eu

suite=bookworm
root=$1
shift

cannot() {
	echo "otherroot: cannot be made here: $1" >&2
	exit 77
}

[ ! -e "$root/complete" ] || exit 0
[ "$(id -u)" = 0 ] || cannot "it takes root"
for tool in debootstrap chroot apt-get; do
	command -v $tool >/dev/null || cannot "$tool is not installed"
done
mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' \
	'Created-By: Packages' | awk -v s=$suite \
	'$2 == s && $3 == "main" { print $1; exit }')
[ -n "$mirror" ] || cannot "apt knows no mirror of $suite"
rm -rf --one-file-system "$root"
mkdir -p "$root"
debootstrap --variant=minbase "$suite" "$root" "$mirror" >"$root.log" 2>&1 ||
	cannot "debootstrap failed: $root.log"
apt-config dump --format '%f "%v";%n' Acquire::http::Proxy \
	Acquire::https::Proxy >"$root/etc/apt/apt.conf.d/90proxy"
cp -L /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || :
cp -L /etc/hosts "$root/etc/hosts" 2>/dev/null || :
# Debian's own daemons stay down in there.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
chroot "$root" /usr/bin/env -i HOME=/root LC_ALL=C.UTF-8 \
	PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
	${http_proxy:+http_proxy="$http_proxy"} \
	apt-get install -y --no-install-recommends "$@" >>"$root.log" 2>&1 ||
	cannot "apt-get failed: $root.log"
touch "$root/complete"
