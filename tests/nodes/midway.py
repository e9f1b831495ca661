"""Nodes that die or freeze in the middle of a message. They are funicular-crashy
(tests/crash): the daemon, which stops itself (SIGSTOP) within a transaction that
has written, or behind its COMMIT before the answer leaves. What it stopped in,
PostgreSQL is asked; then it is killed, or woken up much later."""

import ctypes
import mmap
import os
import random
import signal
import time

from cluster import check, until
from fleet import Fleet, tell
from story import MOVE_S, Place, Story

PLACES = 40  # so many places ahead at most: some messages
# PostgreSQL ends a silent transaction after 30 s (PG_SILENT_MS); on a busy
# machine the device's next try comes some seconds later.
SILENT_S, BOUND_S = 30, 50
OTHERS = 40
# Those who wait for so many accounts could keep all workers of the other nodes
# busy.
MANY, TRIES = 3, 20

OPEN = ("SELECT count(*) FROM pg_stat_activity WHERE application_name = '%s' "
        "AND state = 'idle in transaction' AND backend_xid IS NOT NULL")
WAITING = ("SELECT count(*) FROM pg_stat_activity WHERE "
           "wait_event_type = 'Lock' AND application_name <> '%s'")
LOCKED = ("SELECT account_id FROM account WHERE account_id NOT IN (SELECT "
          "account_id FROM account FOR UPDATE SKIP LOCKED)")
CHANGES = "SELECT account_id, change_no FROM account"
# Else the devices whose messages the frozen node has taken wait for it.
CUT = "on-marked-down shutdown-sessions"


class Control(ctypes.Structure):
    """struct control of tests/crash/control.h"""
    _fields_ = [(name, ctypes.c_uint64) for name in (
        "die_at", "count", "die_at_write", "writes")] + [
            ("disk", ctypes.c_int), ("refused", ctypes.c_uint64),
            ("died_in", ctypes.c_char * 32), ("stop_at", ctypes.c_uint64),
            ("stop_behind", ctypes.c_int),
            ("stopped_in", ctypes.c_char * 32)]


def control_of(node):
    """Its page of memory, named by its environment."""
    path = os.path.join(node.room, "control")
    with open(path, "w+b") as f:
        f.write(bytes(ctypes.sizeof(Control)))
        f.flush()
        page = mmap.mmap(f.fileno(), ctypes.sizeof(Control))
    node.env = dict(os.environ, FUNICULAR_CRASH=path)
    return Control.from_buffer(page)


def stopped(node):
    with open("/proc/%d/stat" % node.process.pid) as f:
        return f.read().rpartition(")")[2].split()[0] == "T"


class Midway(Story):
    def __init__(self, cluster, control):
        super().__init__(cluster)
        self.control = control
        self.random = random.Random(1)
        self.within = self.behind = self.open = 0

    def open_in(self, node):
        return int(self.c.sql(OPEN % node.name))

    def stop_in(self, i, behind=False):
        """The node stops by itself, in the middle of somebody's message."""
        node, control = self.nodes[i], self.control[i]
        control.stop_behind = behind
        control.stop_at = 1 + self.random.randrange(PLACES // (1 + 7 * behind))
        until(lambda: stopped(node), "node %d stops" % i, MOVE_S)
        where = control.stopped_in.decode()
        n = self.open_in(node)
        # It stopped between two statements, so PostgreSQL sees that one.
        check(behind or n > 0, "no transaction was open in %s", where)
        self.open += n
        self.within += not behind
        self.behind += behind
        self.say("node %d stops %s %s; %d transactions that have written are "
                 "open" % (i, "behind" if behind else "at", where, n))

    def kill_in(self, i, behind):
        self.stop_in(i, behind)
        self.nodes[i].stop(signal.SIGKILL)
        self.nodes[i].start()
        self.moves(10)


def place(o, part, nodes, cut=""):
    p = Place(o, part, nodes,
              program=os.path.join(o.build, "tests/crash/funicular-crashy"))
    p.cluster.balancer.default = cut
    return p, [control_of(node) for node in p.cluster.nodes]


def killed(o):
    accounts, devices, rounds = o.accounts or (20 if o.all else 6), \
        o.devices or 3, o.rounds or (100 if o.all else 8)
    p, control = place(o, "midway", 3)
    with p:
        p.fleet = fleet = Fleet(o.build, p.cluster, accounts, devices)
        tell("first syncs", fleet.ask("first 20"))
        story = Midway(p.cluster, control)
        fleet.say("start")
        story.moves()
        for n in range(rounds):
            # Every fourth one behind the COMMIT.
            story.kill_in(n % 3, n % 4 == 3)
        fleet.say("stop")
        # Some are sent again by the HTTP library, which counts no message.
        tell("killed midway", fleet.hear())
        print("  %d kills, all in a message: %d within its transaction, %d "
              "behind its COMMIT; %d transactions that had written were open"
              % (rounds, story.within, story.behind, story.open))
        fleet.judge()


# ---- frozen, and woken up ------------------------------------------------


class Frozen(Midway):
    def locked(self):
        """The accounts whose rows the node's transactions have locked:
        others' locks come and go."""
        sets = [set(self.c.sql(LOCKED).split()) for _ in range(10)]
        return set.intersection(*sets)

    def numbers(self):
        """The change numbers of the accounts."""
        return {k: int(n) for k, n in (
            line.split("|") for line in self.c.sql(CHANGES).split("\n"))}

    def moved(self, was, accounts):
        now = self.numbers()
        return sum(now[k] - was[k] for k in accounts)

    def freeze(self, i):
        """A transaction of the node is open, and somebody waits for it."""
        self.stop_in(i)
        until(lambda: int(self.c.sql(WAITING % self.nodes[i].name)) > 0,
              "somebody waits for the account", MOVE_S)

    def wake(self, i):
        self.nodes[i].process.send_signal(signal.SIGCONT)
        self.moves()
        self.say("node %d woke up and goes on" % i)

    def short(self, i):
        """It goes on before anybody has given up."""
        self.freeze(i)
        self.wake(i)

    def long(self, i):
        """Its transactions are ended for it. Until then all other accounts
        get on, and then its own ones; it wakes up with what it had."""
        began = time.monotonic()
        self.freeze(i)
        for _ in range(TRIES):
            if self.open_in(self.nodes[i]) >= MANY:
                break
            self.wake(i)
            began = time.monotonic()
            self.freeze(i)
        maybe, was = self.locked(), self.numbers()
        until(lambda: self.moved(was, was) >= OTHERS and all(
            self.moved(was, {k}) > 0 for k in set(was) - maybe),
            "the others get on", SILENT_S)
        # A busy account may have been locked at each look, by others.
        own = {k for k in maybe if self.moved(was, {k}) == 0}
        n = self.open_in(self.nodes[i])
        check(own and n > 0, "after %.1f s %d of %d accounts are held up, %d "
              "transactions are open", time.monotonic() - began, len(own),
              len(maybe), n)
        until(lambda: all(self.moved(was, {k}) > 0 for k in own),
              "the frozen accounts get on", BOUND_S)
        took = time.monotonic() - began
        check(took >= SILENT_S, "after %.1f s already", took)
        self.say("%d accounts were held up for %.1f s, the others not" % (
            len(own), took))
        self.wake(i)


def frozen(o):
    accounts, devices, rounds = o.accounts or 8, o.devices or 3, \
        o.rounds or (3 if o.all else 1)
    p, control = place(o, "frozen", 3, CUT)
    with p:
        p.fleet = fleet = Fleet(o.build, p.cluster, accounts, devices)
        tell("first syncs", fleet.ask("first 20"))
        story = Frozen(p.cluster, control)
        fleet.say("start")
        story.moves()
        for n in range(rounds):
            story.short(n % 3)
            story.long((n + 1) % 3)
        fleet.say("stop")
        tell("frozen", fleet.hear())
        fleet.judge()
