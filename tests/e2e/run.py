#!/usr/bin/env python3
"""Run groups of end-to-end cases: run.py --funicular PATH --shim PATH GROUP...

Exit status 0: all passed; 1: some failed; 77: SyncEvolution is not installed.
"""

import argparse
import importlib
import os
import shutil
import sys
import time
import traceback

import harness

HERE = os.path.dirname(os.path.abspath(__file__))

# Parts of the items' texts: none of them may be in a log.
PRIVATE = ("Maschinist", "Königstraße", "Einkaufen", "Tagesordnung",
           "zwei Liter", "+49 170")


class Context:
    """What a case gets: the site, and phones with rooms of their own."""

    def __init__(self, site, shim, room):
        self.site, self.shim, self.room = site, shim, room
        self.user = self.password = None

    def account(self, name):
        self.user, self.password = name, "geheim-" + name
        self.site.add_user(name, self.password)

    def stories(self):
        """The stories of all of the account's sessions, as text."""
        out = []
        for session in self.site.json("session", "list", self.user):
            out.append(self.site.command("session", "show", self.user,
                                         str(session["id"])))
        return "\n".join(out)

    def history(self, collection, part):
        """All kept states of the item whose current one holds `part`."""
        for item in self.site.json("item", "list", self.user, collection):
            i = str(item["id"])
            if part not in self.site.command("item", "show", self.user, i):
                continue
            kept = self.site.json("item", "show", self.user, i, "--history")
            return "\n".join(
                self.site.command("item", "show", self.user, i, "--revision",
                                  str(r["revision"]))
                for r in kept if r["bytes"] > 0)
        raise harness.Failure("no item of %s holds %r" % (collection, part))

    def phone(self, name, user=None, password=None, **args):
        import evolution
        return evolution.Device(
            self.site, self.shim, os.path.join(self.room, name),
            user or self.user, password or self.password,
            dev_id=args.pop("dev_id", "%s-%s" % (self.user, name)), **args)


def run_case(site, args, group, name, case):
    room = os.path.join(args.out, group, name)
    os.makedirs(room)
    context = Context(site, args.shim, room)
    context.account(name.replace("_", "-")[:60])
    began = time.monotonic()
    try:
        case(context)
        said = ""
    except harness.Failure as e:
        said = str(e)
    except Exception:  # a bug of the test is a failure like any other
        said = traceback.format_exc()
    print("%s %s.%s (%.1f s)" % ("FAIL" if said else "ok  ", group, name,
                                 time.monotonic() - began), flush=True)
    if said:
        print("  " + said.replace("\n", "\n  "))
        print("  client: %s\n  daemon: %s" % (room, site.log_path), flush=True)
    return not said


def make_site(args, room, conf):
    """One daemon, or several behind a balancer."""
    if args.nodes < 2:
        return harness.Site(args.funicular, room, **conf)
    sys.path.insert(0, os.path.join(os.path.dirname(HERE), "nodes"))
    from cluster import Cluster
    return Cluster(args.funicular, room, args.nodes, **conf)


def run_group(args, group):
    module = importlib.import_module("cases_" + group)
    room = os.path.join(args.out, group)
    shutil.rmtree(room, ignore_errors=True)
    os.makedirs(room)
    # What a group needs beside the daemon, and what that has to know of it.
    conf = module.setup(args, room) if hasattr(module, "setup") else \
        getattr(module, "CONF", {})
    site = make_site(args, os.path.join(room, "site"), conf)
    cases = [(n, c) for n, c in module.cases()
             if not args.only or args.only in n]
    site.start()
    try:
        passed = [run_case(site, args, group, n, c) for n, c in cases]
    finally:
        try:
            site.stop()
            site.check_log(PRIVATE)
        except harness.Failure as e:
            print("FAIL %s: %s" % (group, e))
            passed = [False]
        if hasattr(module, "teardown"):
            module.teardown()
    print("%s: %d of %d passed" % (group, sum(passed), len(cases)))
    return bool(passed) and all(passed)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--funicular", required=True)
    p.add_argument("--shim", required=True)
    p.add_argument("--xmpp-client", help="for the group `alarms`")
    p.add_argument("--out", required=True, help="directory for all files")
    p.add_argument("--nodes", type=int, default=1,
                   help="so many daemons on PostgreSQL behind HAProxy")
    p.add_argument("--only", help="cases whose name holds this")
    p.add_argument("group", nargs="+")
    args = p.parse_args()
    for key in ("funicular", "shim", "out", "xmpp_client"):
        if getattr(args, key) is not None:
            setattr(args, key, os.path.abspath(getattr(args, key)))
    if not shutil.which("syncevolution"):
        print("SyncEvolution is not installed: nothing to talk to")
        return 77
    results = [run_group(args, g) for g in args.group]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
