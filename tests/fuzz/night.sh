#!/bin/sh
# Run the fuzz targets for a while and tell what came of it.
#
#   tests/fuzz/night.sh [--merge] [SECONDS [TARGET ...]]
#
# SECONDS is for each target (600 by default); without TARGET all of them run,
# one on each processor. Inputs that were found stay in BUILD/corpus/TARGET and
# are the start of the next night; findings lie in BUILD/findings. Exit status
# 1: there are findings.
#
#   --merge    afterwards: put what reaches code that the corpus of the tree
#              does not reach into tests/fuzz/corpus, as few and as small files
#              as that takes (look at them before you commit them)
#   BUILD=DIR  where to build and keep all that; build-fuzz by default
#   JOBS=N     so many at once; as many as there are processors by default
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
merge=
case "${1:-}" in
-h | --help)
	sed -n '2,/^set/{s/^# \{0,1\}//p}' "$0"
	exit 0
	;;
--merge)
	merge=yes
	shift
	;;
esac
export seconds="${1:-600}"
[ $# -eq 0 ] || shift
build=${BUILD:-$root/build-fuzz}
jobs=${JOBS:-$(nproc)}

CC=${CC:-clang} cmake -S "$root" -B "$build" -G Ninja -DFUNICULAR_FUZZ=ON \
	>/dev/null
ninja -C "$build" fuzz >"$build/fuzz-build.log" || {
	cat "$build/fuzz-build.log" >&2
	exit 2
}
if [ $# -eq 0 ]; then
	for f in "$root"/tests/fuzz/fuzz_*.c; do
		f=${f##*/fuzz_}
		set -- "$@" "${f%.c}"
	done
fi
for t; do
	[ -x "$build/tests/fuzz/fuzz_$t" ] || {
		echo "$t is no target" >&2
		exit 2
	}
done
build=$(cd "$build" && pwd)
mkdir -p "$build/findings" "$build/logs"
# Stores of the targets: in memory if there is such a place.
tmp=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)")
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
export root build TMPDIR="$tmp"
export ASAN_OPTIONS="detect_leaks=1:malloc_context_size=8:quarantine_size_mb=16:${ASAN_OPTIONS:-}"
export UBSAN_OPTIONS="print_stacktrace=1:${UBSAN_OPTIONS:-}"

# One target. It ends at its first finding; what takes more than two seconds
# (others may run beside it) or 100 MB at once is one.
cat >"$tmp/one" <<'END'
t=$1
mkdir -p "$build/corpus/$t"
dict=
case "$t" in
wbxml_read) dict=wbxml ;;
xml_read | msg | devinf | diff) dict=syncml ;;
pim | vcard | ical | sif | rrule) dict=vobject ;;
conf) dict=conf ;;
http_target) dict=http ;;
xmpp) dict=xmpp ;;
imap) dict=imap ;;
esac
cd "$tmp"
# shellcheck disable=SC2086 # the option is one word or none
"$build/tests/fuzz/fuzz_$t" "$build/corpus/$t" "$root/tests/fuzz/corpus/$t" \
	-max_total_time="$seconds" -timeout=10 -report_slow_units=2 \
	-rss_limit_mb=2048 -malloc_limit_mb=100 -print_final_stats=1 \
	-artifact_prefix="$build/findings/$t-" \
	${dict:+-dict="$root/tests/fuzz/dict/$dict.dict"} \
	>"$build/logs/$t.log" 2>&1 || true
END
export tmp
touch "$tmp/began"
printf '%s\n' "$@" | nice -n 10 xargs -P "$jobs" -n 1 sh "$tmp/one"

# The last figure of its kind in a log.
figure() {
	grep -ao "\b$2: *[0-9][0-9]*" "$build/logs/$1.log" | tail -n 1 |
		grep -o '[0-9]*$' || echo 0
}

printf '%-14s %12s %8s %7s %7s %6s  %s\n' target executions exec/s cov ft \
	'MB' findings
bad=0
for t; do
	new=$(find "$build/findings" -name "$t-*" -newer "$tmp/began" | sort)
	[ -z "$new" ] || bad=1
	printf '%-14s %12s %8s %7s %7s %6s  %s\n' "$t" \
		"$(figure "$t" number_of_executed_units)" \
		"$(figure "$t" average_exec_per_sec)" "$(figure "$t" cov)" \
		"$(figure "$t" ft)" "$(figure "$t" peak_rss_mb)" \
		"$(echo "$new" | grep -c . || true)"
	# It may also have ended without an input to blame.
	grep -aq 'stat::peak_rss_mb' "$build/logs/$t.log" || {
		echo "$t did not end well: $build/logs/$t.log"
		bad=1
	}
	for f in $new; do
		grep -am 1 -E 'not true|runtime error|ERROR:' \
			"$build/logs/$t.log" | sed 's/^/    /'
		echo "    again:  $build/tests/fuzz/fuzz_$t $f"
		echo "    (FUZZ_SHOW=1 before it prints conversations;" \
			"-minimize_crash=1 -runs=10000 makes it smaller)"
	done
done

if [ -n "$merge" ]; then
	for t; do
		"$build/tests/fuzz/fuzz_$t" -merge=1 -use_counters=0 \
			"$root/tests/fuzz/corpus/$t" "$build/corpus/$t" \
			>"$build/logs/$t.merge" 2>&1 ||
			echo "$t: merging failed: $build/logs/$t.merge"
	done
fi
exit "$bad"
