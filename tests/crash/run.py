#!/usr/bin/env python3
"""The crash proof: a two-way sync of a thousand changes between a device and a
real daemon, interrupted at every point in turn; nothing may be lost, nothing be
there twice, no slow sync may follow. See README.md beside this file.

usage: run.py [OPTION...] BUILD-DIRECTORY

  --all          every point of W1000 (else a sample of a smaller sync)
  --only PART    one of walk (the daemon dies, the line is cut), clients (the
                 client dies), sessions (1,000 are open when the daemon dies),
                 disk (full, broken, no descriptors)
  --store KIND   sqlite (default) or postgres (walk and sessions; the server is
                 started here)
  --items N      size of the base; the sync moves about as many changes
  --every N      take one of N points
  --seed N       other points, other pairs of faults
  --jobs N       points at a time (default 2)
  --pairs N      two kills: so many random pairs for each message (default 1)
  --from N       points of message N and later ones only
  --kind N       only this kind of point (see walk.c)
  --room DIR     where databases are made (default: memory, else temporary)
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
import clients  # noqa: E402

SERVER = os.path.join(os.path.dirname(HERE), "postgres", "server.py")
ON_POSTGRES = ("walk", "sessions")
MEMORY = "/dev/shm"  # fsync costs nothing there


def run(o, *args):
    if o.store == "postgres":
        args = (sys.executable, "-B", SERVER, *args)
    return subprocess.run(args, check=False).returncode == 0


def program(name, o, room):
    return run(o, os.path.join(o.build, "tests/crash", name),
               os.path.join(o.build, "tests/crash/funicular-crashy"), room)


def sessions(o, room):
    return program("crash_sessions", o, room)


def disk(o, room):
    return program("crash_disk", o, room)


def options():
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument("build")
    p.add_argument("--all", action="store_true")
    p.add_argument("--only", choices=tuple(PARTS))
    p.add_argument("--store", choices=("sqlite", "postgres"),
                   default="sqlite")
    p.add_argument("--items", type=int)
    p.add_argument("--every", type=int)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--pairs", type=int, default=1)
    p.add_argument("--from", type=int, default=1, dest="first")
    p.add_argument("--kind", type=int, action="append", default=[])
    p.add_argument("--room")
    o = p.parse_args()
    o.items = o.items or (1000 if o.all else 200)
    o.every = o.every or (1 if o.all else 24)
    return o


def walk(o, room):
    args = [os.path.join(o.build, "tests/crash/crash_walk"), "--funicular",
            os.path.join(o.build, "tests/crash/funicular-crashy"),
            "--room", room, "--items", str(o.items), "--every", str(o.every),
            "--seed", str(o.seed), "--jobs", str(o.jobs),
            "--pairs", str(o.pairs), "--from", str(o.first)]
    for kind in o.kind:
        args += ["--kind", str(kind)]
    return run(o, *args)


def run_clients(o, room):
    try:
        return clients.run(
            os.path.join(o.build, "server/funicular"),
            os.path.join(o.build, "clients/funicular-client"), room,
            o.items,
            o.every if o.all else 6).failed == 0
    except clients.Failure as e:
        print("FAILED: %s" % e)
        return False


PARTS = {"walk": walk, "clients": run_clients, "sessions": sessions,
         "disk": disk}


def main():
    o = options()
    where = o.room
    if where is None and os.access(MEMORY, os.W_OK):
        where = MEMORY
    room = tempfile.mkdtemp(prefix="funicular-crash-", dir=where)
    good = True
    for name, part in PARTS.items():
        if o.only not in (None, name) or \
                o.store == "postgres" and name not in ON_POSTGRES:
            continue
        here = os.path.join(room, name)
        os.mkdir(here)
        sys.stdout.flush()
        good = part(o, here) and good
    if good:
        shutil.rmtree(room)
    else:
        print("what the failed points left is in " + room)
    sys.exit(0 if good else 1)


main()
