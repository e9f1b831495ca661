#!/usr/bin/env python3
"""What syncs cost on PostgreSQL, and beside it, in the same run, what the same
rows cost when nothing but prepared statements write them. Then the same syncs
of the same account once more, among many others.

usage: postgres.py BUILD-DIRECTORY [CONTACTS [OTHERS]]     (10000, 100000)

Build without sanitizers. PostgreSQL is started here (fsync off: processor time
is what is measured, and the floor does without it as well). Times are processor
time of the daemon and of all of PostgreSQL's processes together.
"""

import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "nodes"))
sys.dont_write_bytecode = True
from bench import Load  # noqa: E402
from cluster import Database, Site, check, until  # noqa: E402

AIM_FLOOR = 2.5
AIM_OTHERS = 1.15  # what two measurements of the same thing differ by here
NOTHING_RUNS = 300

# One device and four contacts each, with all that the daemon would write.
OTHERS = """
SET synchronous_commit = off;
CREATE TEMP TABLE o AS SELECT g AS n, 1000000000000 + g * 4096::bigint AS a
    FROM generate_series(1, {n}) g;
{copies}
"""
# (table, rows for each account): copied from anna's, the ids with them.
COPIED = (("account", None), ("collection", None), ("credential", None),
          ("device", 1), ("link", 1), ("item", 4), ("item_hash", 4),
          ("revision", 4), ("map", 4), ("session", 1))


class Processes:
    """Processor time of the daemon and of PostgreSQL."""

    def __init__(self, site, db):
        self.daemon = site.process.pid
        self.postmaster = db.server.child[0][0].pid
        self.spent = {}  # also of those that have ended since

    def pids(self):
        out = [self.daemon, self.postmaster]
        for path in glob.glob("/proc/[0-9]*/stat"):
            try:
                with open(path) as f:
                    fields = f.read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[1]) == self.postmaster:
                out.append(int(path.split("/")[2]))
        return out

    def now_ms(self):
        """Daemon, PostgreSQL."""
        for pid in self.pids():
            ms = 0
            for path in glob.glob("/proc/%d/task/*/schedstat" % pid):
                try:
                    with open(path) as f:
                        ms += int(f.read().split()[0]) / 1e6
                except OSError:
                    pass
            self.spent[pid] = max(ms, self.spent.get(pid, 0))
        daemon = self.spent[self.daemon]
        return daemon, sum(self.spent.values()) - daemon


class Bench:
    def __init__(self, build, room):
        self.build = build
        self.db = Database(max_wal_size="8GB", shared_buffers="256MB",
                           autovacuum="off")
        try:
            self.start(room)
        except BaseException:
            self.db.stop()
            raise

    def start(self, room):
        self.site = Site(os.path.join(self.build, "server/funicular"),
                         os.path.join(room, "site"), log_level="error",
                         store=self.db.create("bench"))
        self.site.start()
        self.site.add_user("anna", "a password of hers")
        secrets = [self.site.json("device", "add", "anna", "bench %d" % i)
                   ["secret"] for i in range(3)]
        self.load = Load(self.build, self.site, room, "anna",
                         secrets + ["a password of hers"])
        self.processes = Processes(self.site, self.db)
        self.floor_uri = self.db.create("floor")
        other = Site(self.site.binary, os.path.join(room, "other"),
                     store=self.floor_uri)
        other.write_conf()
        other.command("migrate")

    def stop(self):
        try:
            self.load.end()
            self.site.stop()
        finally:
            self.db.stop()

    def phase(self, words, say=True):
        before = self.processes.now_ms()
        r = self.load(words)
        after = self.processes.now_ms()
        r["daemon"], r["server"] = (b - a for a, b in zip(before, after))
        what = words.split()[0]
        per = r["sessions"] if what == "nothing" else r["items"]
        r["each_us"] = 1000 * (r["daemon"] + r["server"]) / max(per, 1)
        if say:
            print("%-10s %7d %5d %10.1f %10.1f %10.1f %9.1f" % (
                what, per, r["messages"], r["daemon"], r["server"],
                r["each_us"], r["wall_ms"]), flush=True)
        return r

    def floor(self, commits, how):
        words = self.db.words()
        p = subprocess.run(
            [os.path.join(self.build, "tests/bench/bench_floor_pg"),
             words + " dbname=bench", words + " dbname=floor", str(commits),
             how], stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(p.stdout)

    def tidy(self):
        self.db.sql("VACUUM ANALYZE", "bench", user="postgres")

    # -- many others ---------------------------------------------------

    def columns(self, table):
        return self.db.sql(
            "SELECT string_agg(quote_ident(column_name), ',' ORDER BY "
            "ordinal_position) FROM information_schema.columns WHERE "
            "table_name = '%s'" % table, "bench").split(",")

    def copy(self, table, rows):
        values = {"account_id": "o.a",
                  '"user"': "convert_to('other' || o.n, 'UTF8')",
                  "hash": "decode(md5(o.n || 'x' || t.credential_id), 'hex')"
                  if table == "credential" else "t.hash + o.n",
                  "token_hash": "NULL"}
        columns = self.columns(table)
        return "INSERT INTO %s SELECT %s FROM o, (SELECT * FROM %s WHERE " \
            "account_id = (SELECT account_id FROM account LIMIT 1)%s) t;" % (
                table, ",".join(values.get(c, "t." + c) for c in columns),
                table, " ORDER BY %s LIMIT %d" % (
                    columns[1], rows) if rows else "")

    def others(self, n):
        self.db.sql(OTHERS.format(n=n, copies="\n".join(
            self.copy(t, rows) for t, rows in COPIED)), "bench")
        check(int(self.db.sql("SELECT count(*) FROM account", "bench")) ==
              n + 1, "the other accounts are not there")
        return int(self.db.sql("SELECT count(*) FROM item", "bench"))


PHASES = ("change 10", "fetch", "nothing %d" % NOTHING_RUNS)


def again(b):
    """The better of three, phase by phase: other programs are not in it."""
    runs = [[b.phase(words, False) for words in PHASES] for _ in range(3)]
    return [min(x, key=lambda r: r["each_us"]) for x in zip(*runs)]


def against_floor(b, upload):
    cpu = (upload["daemon"] + upload["server"]) * 1000
    for how, note in (("single", "one statement after the other"),
                      ("pipeline", "sent together")):
        f = b.floor(upload["messages"], how)
        print("floor, %s: %d rows, %.1f ms processor (%.1f ms by the clock): "
              "the sync took %.2f times as much%s" % (
                  note, f["rows"], f["cpu_us"] / 1000, f["wall_us"] / 1000,
                  cpu / f["cpu_us"],
                  ", aim %.1f: %s" % (AIM_FLOOR, "ok" if cpu / f["cpu_us"] <=
                                      AIM_FLOOR else "MISSED")
                  if how == "single" else ""), flush=True)


def among(b, n):
    b.phase(PHASES[0], False)
    b.phase(PHASES[1], False)
    # Autovacuum does it some time; a measurement wants it at once.
    b.tidy()
    alone = again(b)
    items = b.others(n)
    b.tidy()
    print("\n%d other accounts made, %d items in all" % (n, items))
    those = again(b)
    for words, x, y in zip(PHASES, alone, those):
        ratio = y["each_us"] / x["each_us"]
        print("%-8s alone %8.1f us each (PostgreSQL %.1f), among %d others "
              "%8.1f us (%.1f): ratio %.2f %s" % (
                  words.split()[0], x["each_us"], each(x), n, y["each_us"],
                  each(y), ratio, "ok" if ratio <= AIM_OTHERS else "MISSED"))


def each(r):
    return r["each_us"] * r["server"] / (r["daemon"] + r["server"])


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    n, others = [int(a) for a in sys.argv[2:]] + \
        [10000, 100000][len(sys.argv) - 2:]
    room = tempfile.mkdtemp(prefix="funicular-bench-")
    b = Bench(os.path.abspath(sys.argv[1]), room)
    try:
        print("%d contacts\n%-10s %7s %5s %10s %10s %10s %9s" % (
            n, "", "items", "msgs", "daemon ms", "server ms", "us each",
            "wall ms"))
        upload = b.phase("upload %d" % n)
        against_floor(b, upload)
        b.phase("download")
        b.phase("match %d" % n)
        among(b, others)
    finally:
        b.stop()
        shutil.rmtree(room, ignore_errors=True)


if __name__ == "__main__":
    main()
