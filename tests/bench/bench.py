#!/usr/bin/env python3
"""What the daemon spends on syncs, and beside it, in the same run, what the
same rows cost when nothing but prepared statements write them.

usage: bench.py BUILD-DIRECTORY [N...]        (default: 1000 10000 50000)

Build with CMAKE_BUILD_TYPE=RelWithDebInfo or Release and without sanitizers.
All times are processor time of the daemon alone; the client, with its
contacts in memory, is another process. The floor is bench_floor.c. Argon2 is
printed apart: devices log in with a secret of their own, which needs none.
"""

import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))
from harness import Site  # noqa: E402

# phase -> (items that the aim is for, milliseconds)
AIMS = {"upload": (10000, 500.0), "download": (10000, 250.0),
        "nothing": (1, 3.0)}
AIM_PEAK_MB = 24
NOTHING_RUNS = 300


class Load:
    def __init__(self, build, site, room, user, secrets):
        path = os.path.join(room, "secrets")
        with open(path, "w") as f:
            f.write("\n".join(secrets) + "\n")
        self.process = subprocess.Popen(
            [os.path.join(build, "tests/bench/bench_load"), site.url, user,
             path, str(site.process.pid)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, words):
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit("bench: the load ended during " + words)
        return json.loads(line)

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def floor(build, before, after, commits):
    p = subprocess.run(
        [os.path.join(build, "tests/bench/bench_floor"), before, after,
         str(commits)], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(p.stdout)


def line(what, r, base):
    """One row of the table."""
    per = max(r["items"], 1) if what != "nothing" else r["sessions"]
    cpu = r["cpu_us"] / 1000
    # A loop that writes does not tell the whole of a download: it reads too.
    least = base["cpu_us"] / 1000 if base else 0
    if base and what in ("download", "fetch"):
        least += base["read_cpu_us"] / 1000 * per / max(base["read"], 1)
    aim = ""
    if what in AIMS:
        n, ms = AIMS[what]
        want = ms * per / n if what != "nothing" else ms
        have = cpu if what != "nothing" else cpu / per
        aim = "%8.1f %s" % (want, "ok" if have <= want else "MISSED")
    print("%-10s %7d %5d %9.1f %9.1f %9.0f %9.1f %6s %7.1f  %s" % (
        what, per, r["messages"], cpu, 1000 * cpu / per,
        per / (max(r["wall_ms"], 1) / 1000), least,
        "%.1fx" % (cpu / least) if least > 0 else "-",
        r["peak_kb"] / 1024, aim))
    sys.stdout.flush()


def bench(build, room, n):
    site = Site(os.path.join(build, "server/funicular"),
                os.path.join(room, "site-%d" % n), log_level="error")
    site.start()
    try:
        password = "a password of hers"
        site.add_user("anna", password)
        secrets = [site.json("device", "add", "anna", "bench %d" % i)["secret"]
                   for i in range(3)]
        load = Load(build, site, room, "anna", secrets + [password])
        state = {"n": 0}

        def snapshot():
            state["n"] += 1
            path = os.path.join(room, "db-%d-%d" % (n, state["n"]))
            site.command("backup", path)
            return path

        print("\n%d contacts" % n)
        print("%-10s %7s %5s %9s %9s %9s %9s %6s %7s  %8s" % (
            "", "items", "msgs", "cpu ms", "us/item", "items/s", "floor ms",
            "ratio", "MB peak", "aim ms"))
        before = snapshot()
        for words in ("upload %d" % n, "download", "match %d" % n,
                      "change 100", "fetch"):
            r = load(words)
            after = snapshot()
            # Changes `before` into `after`, which is the next `before`.
            base = floor(build, before, after, r["messages"])
            line(words.split()[0], r, base)
            os.remove(before)
            before = after
        line("nothing", load("nothing %d" % NOTHING_RUNS), None)
        login = load("login")
        print("Argon2: %.0f ms and %.0f MB for the first login with a "
              "password (in the cache afterwards: %.1f ms)" % (
                  login["cpu_us"] / 1000, login["peak_kb"] / 1024,
                  load("login")["cpu_us"] / 1000))
        load.end()
    finally:
        site.stop()


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    build = os.path.abspath(sys.argv[1])
    sizes = [int(a) for a in sys.argv[2:]] or [1000, 10000, 50000]
    print("aims: 10,000 up < 500 ms, down < 250 ms, nothing changed < 3 ms, "
          "%d MB" % AIM_PEAK_MB)
    with tempfile.TemporaryDirectory(prefix="fc-bench-") as room:
        for n in sizes:
            bench(build, room, n)


if __name__ == "__main__":
    main()
