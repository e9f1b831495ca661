#!/bin/sh
# Do both commands of the README work on a clean Debian 12?
#
#   tests/cleanroot.sh [FOLDER]
#
# Makes a root of Debian 12 in FOLDER (default: a new one below $TMPDIR), takes
# a clone of this tree into it, and runs ./demo --once and ./test there. The
# mirror is the one this machine's apt uses. FOLDER is removed afterwards, unless
# KEEP=1. QUICK=1 runs ./test --quick.
#
# Exit status: 0 both worked, 1 one did not, 77 it cannot be tried here.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
suite=bookworm

cannot() {
	echo "cleanroot: cannot be tried here: $1" >&2
	exit 77
}

[ "$(id -u)" = 0 ] || cannot "it takes root"
for tool in debootstrap chroot mount git apt-get; do
	command -v $tool >/dev/null || cannot "$tool is not installed"
done

sources() { # every line of apt's sources for this release
	apt-get indextargets --format \
		'$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' \
		2>/dev/null | awk -v s=$suite \
		'$2 ~ "^" s "($|-)" && !seen[$0]++ { print }'
}
mirror=$(sources | awk -v s=$suite '$2 == s && $3 == "main" { print $1; exit }')
[ -n "$mirror" ] || cannot "apt knows no mirror of $suite"

if [ $# -gt 0 ]; then
	base=$1
	mkdir -p "$base"
	[ -z "$(ls -A "$base")" ] || cannot "$base is not empty"
else
	base=$(mktemp -d "${TMPDIR:-/tmp}/cleanroot.XXXXXX")
fi
base=$(cd "$base" && pwd)
root=$base/root
mkdir "$root"

clean() {
	for m in dev/shm dev/pts dev proc; do
		mountpoint -q "$root/$m" && umount -l "$root/$m"
	done
	if grep -q " $root/" /proc/self/mounts; then
		echo "cleanroot: $root is still mounted, left as it is" >&2
	elif [ -z "${KEEP:-}" ]; then
		rm -rf --one-file-system "$base"
	else
		echo "cleanroot: kept: $base"
	fi
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Can we mount at all?
mount -t proc proc "$root" 2>/dev/null || cannot "nothing can be mounted"
umount "$root"

echo "cleanroot: a clean $suite in $root"
debootstrap --variant=minbase --include=ca-certificates,git "$suite" \
	"$root" "$mirror" >"$base/debootstrap.log" 2>&1 || {
	tail -n 5 "$base/debootstrap.log" >&2
	cannot "debootstrap failed (no mirror?)"
}

# The same sources as this machine's, updates and security too.
sources | awk '{ c[$1 " " $2] = c[$1 " " $2] " " $3 }
	END { for (k in c) print "deb " k c[k] }' >"$root/etc/apt/sources.list"
apt-config dump --format '%f "%v";%n' Acquire::http::Proxy \
	Acquire::https::Proxy >"$root/etc/apt/apt.conf.d/90proxy"
if grep -q '^deb https' "$root/etc/apt/sources.list"; then
	cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
fi
cp -L /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || :
cp -L /etc/hosts "$root/etc/hosts" 2>/dev/null || :
# Debian's own daemons stay down in there.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"

mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm"
for d in null zero full random urandom tty; do
	cp -a "/dev/$d" "$root/dev/"
done
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/0 "$root/dev/stdin"
ln -s /proc/self/fd/1 "$root/dev/stdout"
ln -s /proc/self/fd/2 "$root/dev/stderr"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"

git -c safe.directory='*' clone -q --no-hardlinks "$here" \
	"$root/srv/funicular"
[ -x "$root/srv/funicular/demo" ] || {
	echo "cleanroot: the last commit holds no ./demo" >&2
	exit 1
}

inside() {
	echo "cleanroot: $*"
	chroot "$root" /usr/bin/env -i HOME=/root LC_ALL=C.UTF-8 \
		PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb \
		${http_proxy:+http_proxy="$http_proxy"} \
		${https_proxy:+https_proxy="$https_proxy"} \
		sh -c 'cd /srv/funicular && exec "$@"' sh "$@"
}

inside ./demo --once
inside ./test ${QUICK:+--quick}
echo "cleanroot: both commands of the README work on a clean $suite"
