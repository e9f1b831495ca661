#!/bin/sh
# Many seeds of the simulator on all processors, in a build without sanitizers.
#
#   tests/sim/run.sh              100,000 seeds from 1 on
#   tests/sim/run.sh 5000 200001  so many, from this one on
set -eu
cd "$(dirname "$0")/../.."
dir=build/sim
cmake -B "$dir" -G Ninja -DCMAKE_BUILD_TYPE=Release >/dev/null
ninja -C "$dir" test_sim >/dev/null
exec "$dir/tests/sim/test_sim" --seeds "${1:-100000}" --from "${2:-1}" \
	--jobs "$(nproc)" --all
