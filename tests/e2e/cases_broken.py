"""Every way to break a sync, at each of its messages.

Two phones are in step. One side adds, edits or deletes items, and the sync that
carries this is broken at its n-th message: n goes up until the sync ends before
it is reached. After each break the phone syncs as it would, and both must hold
the same, nothing lost and nothing twice, by an ordinary sync.

FUNICULAR_BROKEN_STEP: 1 tries every point (some 40 minutes), the default a
sample of them. FUNICULAR_BROKEN_FILE: the figures go there as one JSON line
for each case.
"""

import functools
import json
import os
import signal

import items
from cases_matrix import same_items
from harness import check, same, until
from proxy import CuttingProxy

CONF = {"max_message": "12000"}
STEP = int(os.environ.get("FUNICULAR_BROKEN_STEP", "11"))
FILE = os.environ.get("FUNICULAR_BROKEN_FILE")
LONGEST = 40  # messages of one sync; more would be a loop
PER_POINT = 3
TEXT = " ".join("Wort%05d" % n for n in range(2500))  # 25 kB


class Pair:
    """Phone a, whose syncs break, and phone b, which sees what came of it."""

    def __init__(self, c, fault, large, proxy):
        self.c, self.large, self.proxy, self.n = c, large, proxy, 0
        props = ["maxMsgSize=10240", "RetryInterval=1"]
        if not FAULTS[fault][1]:
            props.append("RetryDuration=0")
        self.a = c.phone(fault + "-a", dbs=["contacts"], props=props)
        self.b = c.phone(fault + "-b", dbs=["contacts"], props=props)
        self.a.set("syncURL=" + proxy.url)
        for n in range(4):
            self.a.put("contacts", "fest%d" % n, items.small_contact(n))
        self.keys = ["Nachname%04d" % n for n in range(4)]
        self.a.sync()
        self.b.sync()

    def make(self):
        self.n += 1
        self.keys.append("Nachname%04d" % (1000 + self.n))
        change = {"NOTE": "NOTE:" + TEXT} if self.large else {}
        return items.contact(
            1000 + self.n, N="N:%s;Jörg;;;" % self.keys[-1], **change)

    def change(self, phone, op):
        """PER_POINT changes of one kind."""
        for _ in range(PER_POINT):
            if op == "add":
                text = self.make()
                phone.put("contacts", "neu%d" % self.n, text)
            elif op == "update":
                self.n += 1
                name = phone.find("contacts", self.keys[-1 - self.n % 3])
                lines = phone.get("contacts", name).split("\r\n")
                lines = [l for l in lines if not l.startswith("NICKNAME")]
                lines.insert(2, "NICKNAME:Spitz%d" % self.n)
                phone.put("contacts", name, "\r\n".join(lines))
            else:
                phone.delete("contacts",
                             phone.find("contacts", self.keys.pop()))

    def ready(self, op):
        """Enough items for the next change, in step."""
        if op == "add" and len(self.keys) < 20:
            return
        if op != "add" and len(self.keys) >= 4 + PER_POINT:
            return
        for _ in range(8):  # more at once would be held back
            if op == "add":
                self.b.delete("contacts",
                              self.b.find("contacts", self.keys.pop()))
            else:
                text = self.make()
                self.b.put("contacts", "vorrat%d" % self.n, text)
        self.b.sync()
        self.a.sync()

    def settle(self, slow_too):
        """The next syncs mend everything, and find nothing more to do."""
        a, b = self.a, self.b
        r = a.sync()
        slow = r.mode("contacts") != "two-way"
        check(slow_too or not slow, "the next sync was %s, see %s",
              r.mode("contacts"), a.log)
        b.sync()
        # SyncEvolution repeats an item of which it sent half and then, in
        # the next session, the rest: that must change nothing anywhere.
        r = a.sync()
        check(not any(k.startswith("local") for k in r.moved("contacts")),
              "the last sync moved %r, see %s", r.moved("contacts"), a.log)
        b.sync(moved={})
        for key in self.keys:
            a.find("contacts", key)
        same("contacts", len(a.names("contacts")), len(self.keys))
        same_items(a, b)
        return slow


def drop(when, later, pair, n):
    """The n-th request or reply is lost; with `later` all that follow too."""
    pair.proxy.lose = lambda i, w: (i == n or later and i > n) and w == when
    return pair.a.sync(ok=False)


def kill_daemon(when, pair, n):
    """The daemon is killed before the n-th message, or when it has answered
    it and nobody has seen that."""
    def lose(i, w):
        if i != n or w != when:
            return False
        pair.c.site.restart(signal.SIGKILL)
        return True

    pair.proxy.lose = lose
    return pair.a.sync(ok=False)


def signal_client(sig, when, pair, n):
    """The client is told to stop, or killed, at its n-th message."""
    started = {}

    def lose(i, w):
        if i == n and w == when:
            until(lambda: started, "client started")
            started["client"].send_signal(sig)
            if sig == signal.SIGKILL:
                started["client"].wait()
            pair.proxy.lost.append((i, w))
        return False

    pair.proxy.lose = lose
    process, path = pair.a.sync_start()
    started["client"] = process
    return pair.a.sync_finish(process, path)


# name -> (how, the client repeats messages, the client may forget so much that
# it asks for a slow sync by itself)
FAULTS = {
    "request_lost": (functools.partial(drop, "request", False), True, False),
    "reply_lost": (functools.partial(drop, "reply", False), True, False),
    "line_dead": (functools.partial(drop, "request", True), False, False),
    "replies_dead": (functools.partial(drop, "reply", True), False, False),
    "daemon_killed_before": (functools.partial(kill_daemon, "request"),
                             True, False),
    "daemon_killed_after": (functools.partial(kill_daemon, "reply"),
                            True, False),
    "suspended": (functools.partial(signal_client, signal.SIGINT, "reply"),
                  True, False),
    "client_killed_before": (functools.partial(
        signal_client, signal.SIGKILL, "request"), True, True),
    "client_killed_after": (functools.partial(
        signal_client, signal.SIGKILL, "reply"), True, True),
}


def point(pair, fault, op, side, n):
    """-> None when the sync has no n-th message, else whether a slow sync
    followed."""
    how, patient, forgets = FAULTS[fault]
    pair.ready(op)
    pair.change(pair.a if side == "client" else pair.b, op)
    if side == "server":
        pair.b.sync()
    pair.proxy.count, pair.proxy.lost = 0, []
    r = how(pair, n)
    hit = bool(pair.proxy.lost)
    pair.proxy.lose = lambda i, w: False
    # SyncEvolution never sends its first message again.
    if hit and n > 1 and patient and fault in (
            "request_lost", "reply_lost", "daemon_killed_before",
            "daemon_killed_after"):
        check(r.code == 0, "the message sent again did not help, see %s",
              pair.a.log)
    slow = pair.settle(forgets)
    return slow if hit else None


def broken(index, op, side, large, c):
    figures = {"op": op, "side": side, "large": large, "points": 0,
               "slow": 0}
    for k, fault in enumerate(FAULTS):
        if (index * len(FAULTS) + k) % STEP:
            continue
        first = 1 if STEP == 1 else 1 + (index + k) % 3
        with CuttingProxy(c.site.port) as proxy:
            c.account("broken-%d-%d" % (index, k))
            pair = Pair(c, fault, large, proxy)
            for n in range(first, LONGEST):
                slow = point(pair, fault, op, side, n)
                if slow is None:
                    break
                figures["points"] += 1
                figures["slow"] += slow
                if STEP > 1:
                    break
            check(n < LONGEST - 1, "a sync of %d messages", LONGEST)
    print("    %(points)d points, %(slow)d slow syncs" % figures)
    if FILE:
        with open(FILE, "a") as f:
            f.write(json.dumps(figures) + "\n")


def cases():
    index = 0
    for large in (False, True):
        for op in ("add", "update", "delete"):
            for side in ("client", "server"):
                yield ("%s_%s_%s" % (op, side, "large" if large else "small"),
                       functools.partial(broken, index, op, side, large))
                index += 1
