#!/bin/sh
# What compilers do not see: clang-tidy over every source file, then cppcheck.
#
#   tests/lint/analyse.sh              everything; about 4 minutes on two
#                                      processors
#   tests/lint/analyse.sh FILE...      clang-tidy on these only
#
# Both read the compile commands of build/analyse, which is configured here and
# needs no building.
set -eu
cd "$(dirname "$0")/../.."

case "${1:-}" in
-h | --help)
	sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "$0"
	exit 0
	;;
esac

rooms="base pim syncml backends server clients"
build=build/analyse
jobs=$(nproc)
for tool in clang-tidy cppcheck; do
	command -v "$tool" >/dev/null || {
		echo "$tool is missing: tools/setup.sh test" >&2
		exit 2
	}
done
CC=${CC:-clang} cmake -B "$build" -G Ninja >/dev/null

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
trap 'exit 130' INT TERM

if [ $# -gt 0 ]; then
	printf '%s\n' "$@"
else
	# shellcheck disable=SC2086
	find $rooms -name '*.c' | sort
fi >"$out/files"
all=$(wc -l <"$out/files")

# One file each, because they differ in length; what one said is kept together.
cat >"$out/one" <<'EOF'
#!/bin/sh
out=$1 build=$2 all=$3 file=$4
said=$out/said.$(printf %s "$file" | tr / .)
if ! clang-tidy -p "$build" --quiet "$file" >"$said" 2>/dev/null; then
	echo "$file" >>"$out/failed"
	[ -s "$said" ] || echo "$file: clang-tidy cannot read it" >"$said"
	cat "$said"
fi
echo "$file" >>"$out/done"
[ ! -t 2 ] || printf '\rclang-tidy: %d of %d ' "$(wc -l <"$out/done")" "$all" >&2
EOF
chmod +x "$out/one"
began=$(date +%s)
xargs -P "$jobs" -n 1 "$out/one" "$out" "$build" "$all" <"$out/files" || true
[ ! -t 2 ] || echo >&2
echo "clang-tidy: $all files, $(($(date +%s) - began)) s"

if [ $# -eq 0 ]; then
	# shellcheck disable=SC2086
	cppcheck --enable=warning,performance,portability --inline-suppr \
		--error-exitcode=1 -q -j "$jobs" -I . \
		--suppress=missingIncludeSystem $rooms ||
		echo cppcheck >>"$out/failed"
	echo "cppcheck: done"
fi

if [ -s "$out/failed" ]; then
	echo "findings in:"
	sort "$out/failed"
	exit 1
fi
echo "nothing to complain about"
