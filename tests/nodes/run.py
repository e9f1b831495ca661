#!/usr/bin/env python3
"""Many nodes on one PostgreSQL behind HAProxy (round robin, no stickiness, the
recipe of docs/scaling.md), all started here.

usage: run.py [OPTION...] BUILD-DIRECTORY [PART...]

  kills    devices sync all the time, while a node is killed (-9) and comes
           back, one is added, all are restarted one by one, PostgreSQL is
           shut down and killed (-9), with and without PgBouncer
  midway   nodes are killed (-9) in the middle of a transaction, and behind a
           COMMIT whose answer has not left, while all devices sync
  frozen   a node stops in the middle of a transaction, and wakes up after
           others have gone on
  load     200 devices at once through two nodes: times of messages
  pairs    two sessions of one device, and of two devices of one account, at
           the same instant on different nodes
  address  who is slowed down after wrong passwords, and where devices are
           sent to, behind the balancer
  tables   which tables the messages of a session touch
  starts   a database that is not as it should be: wrong password, no
           database, no schema or a newer one, a replica, a full disk, gone
  tls      PostgreSQL with a certificate that the daemon asks for
  strings  SQL in every string that a phone controls, on both stores
  matrix   SyncEvolution in every version, encoding and scheme

  --all            full sizes (else a sample of each)
  --accounts N, --devices N, --rounds N    other sizes
  --room DIR       where logs stay when something fails
  --pgbouncer      all of it through PgBouncer in transaction mode
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
import instants  # noqa: E402
import midway  # noqa: E402
import starts  # noqa: E402
import strings  # noqa: E402
import tables  # noqa: E402
import tls  # noqa: E402
from cluster import TESTS, check  # noqa: E402
from fleet import Fleet, tell  # noqa: E402
from harness import Failure  # noqa: E402
from story import Place, Story  # noqa: E402


def kills(o):
    accounts, devices, rounds = o.accounts or (20 if o.all else 6), \
        o.devices or 3, o.rounds or (3 if o.all else 1)
    with Place(o, "kills", 3, spare=1) as p:
        p.fleet = fleet = Fleet(o.build, p.cluster, accounts, devices)
        tell("first syncs", fleet.ask("first 40"))
        story = Story(p.cluster)
        fleet.say("start")
        story.moves()
        for i in range(rounds):
            story.kill_node(i % 3)
            story.add_node(3)
            story.restart_all()
            story.database(signal.SIGINT, "shut down (fast)")
            story.database(signal.SIGKILL, "killed")
            story.kill_two((i + 1) % 3, (i + 2) % 3)
        fleet.say("stop")
        tell("kills", fleet.hear())
        fleet.judge()


# ---- the others ----------------------------------------------------------


def load(o):
    accounts = o.accounts or (100 if o.all else 10)
    devices, rounds = o.devices or 2, o.rounds or (5 if o.all else 2)
    with Place(o, "load", 2, connections_per_address=0) as p:
        p.fleet = fleet = Fleet(o.build, p.cluster, accounts, devices)
        for what, words in (("first syncs of 20 contacts", "first 20"),
                            ("everybody edits and syncs, %d times" % rounds,
                             "rounds %d" % rounds)):
            r = fleet.ask(words)
            tell(what, r)
            check(r["again"] == 0 and r["broken"] == 0,
                  "%d messages were sent again, %d sessions broke: %s",
                  r["again"], r["broken"], r["why"])
        fleet.judge()


def pairs(o):
    with Place(o, "pairs", 3) as p:
        instants.pairs(p.cluster, o.rounds or (200 if o.all else 20))


def address(o):
    with Place(o, "address", 3) as p:
        instants.address(p.cluster)


def touched(o):
    with Place(o, "tables", 3) as p:
        tables.tables(p.cluster)


def faulty(o):
    starts.starts(o.program, os.path.join(o.room, "starts"))


def secure(o):
    tls.tls(o.program, os.path.join(o.room, "tls"))


def hostile(o):
    os.makedirs(os.path.join(o.room, "strings"), exist_ok=True)
    strings.strings(o.program, os.path.join(o.room, "strings"))


def matrix(o):
    groups = ["matrix", "interrupted"] if o.all else ["matrix"]
    only = [] if o.all else ["--only", "v12_wbxml_basic"]
    code = subprocess.run(
        [sys.executable, "-B", os.path.join(TESTS, "e2e/run.py"),
         "--funicular", o.program, "--nodes", "3",
         "--shim", os.path.join(o.build, "tests/e2e/curlfix.so"),
         "--out", os.path.join(o.room, "matrix"), *only, *groups],
        check=False).returncode
    if code == 77:
        print("matrix: SyncEvolution is not installed")
        return
    check(code == 0, "SyncEvolution's cases failed")


PARTS = {"kills": kills, "midway": midway.killed, "frozen": midway.frozen,
         "load": load, "pairs": pairs, "address": address,
         "tables": touched, "starts": faulty, "tls": secure,
         "strings": hostile, "matrix": matrix}


def options():
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument("build")
    p.add_argument("part", nargs="*", choices=[[]] + list(PARTS))
    p.add_argument("--all", action="store_true")
    p.add_argument("--pgbouncer", action="store_true")
    for name in ("--accounts", "--devices", "--rounds"):
        p.add_argument(name, type=int)
    p.add_argument("--room")
    o = p.parse_args()
    o.build = os.path.abspath(o.build)
    o.program = os.path.join(o.build, "server/funicular")
    o.room = o.room or tempfile.mkdtemp(prefix="funicular-nodes-")
    return o


def main():
    o = options()
    bad = []
    for name in o.part or PARTS:
        began = time.time()
        print("== " + name, flush=True)
        try:
            PARTS[name](o)
            print("== %s: passed, %.0f s" % (name, time.time() - began),
                  flush=True)
        except Exception as e:
            bad.append(name)
            said = str(e) if isinstance(e, Failure) else \
                traceback.format_exc()
            print("FAILED: %s: %s" % (name, said), flush=True)
    if bad:
        print("logs are in " + o.room)
    else:
        shutil.rmtree(o.room, ignore_errors=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
