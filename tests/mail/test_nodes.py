#!/usr/bin/env python3
"""Two daemons on one PostgreSQL share people's mail.

    test_nodes.py FUNICULAR [N...]  kills at these points of what is said; one
                                    without, in the middle. Half a minute each
    test_nodes.py --all FUNICULAR   at every point
"""

import itertools
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "nodes"))
import cluster  # noqa: E402
import kills  # noqa: E402
import mailphone  # noqa: E402
from dovecot import Dovecot, message  # noqa: E402
from stand import until  # noqa: E402

LEASE_S, RENEW_S = 30, 10
AT = 12  # in the middle of the effects
USERS, USERS_MAX = 6, 30


def shared(world, d):
    """Both have a part of them; what a phone does at one node is heard at
    once by the one that has the mailbox, long before alarm_poll."""
    # Which node's an account is, its number tells, and that is drawn.
    users = ["s%d" % i for i in range(USERS_MAX)]
    phones = {}
    for user in users:
        d.deliver(user, message("one"))
        phones[user] = world.nodes[0].user(user)
        until("the first look",
              lambda: world.nodes[0].state(user) == "ok")
        until("two nodes share", lambda: world.shares() == 2)
        if len(phones) >= USERS and {world.holder(u)
                                     for u in phones} == {0, 1}:
            break
    users = list(phones)
    assert {world.holder(u) for u in users} == {0, 1}
    took = []
    for user in users:
        other = world.nodes[1 - world.holder(user)]
        phones[user].sync(other.port)
        began = time.monotonic()
        phones[user].sync(other.port, [
            ("Replace", phones[user].luid("one"), mailphone.flags(read=True))])
        until("read", lambda: d.mails(user)["one"] == {"\\Seen"})
        took.append(time.monotonic() - began)
    print("from a phone at one node to the mailbox by the other: %s ms" % (
        ", ".join("%.0f" % (1000 * t) for t in sorted(took))))
    assert max(took) < 5, took


def main():
    every = sys.argv[1] == "--all"
    program = sys.argv[2 if every else 1]
    points = [int(n) for n in sys.argv[2:]] if not every else []
    database = cluster.Database()
    try:
        database.create("site")
        with Dovecot() as d:
            w = kills.Walk(d, program, kills.Two, database)
            shared(w.world, d)
            for n in itertools.count(1) if every else points or [AT]:
                if not w.killed_at(n):
                    break
                w.world.again()
            w.close()
            took = w.world.took_over_s
            print("killed %d times; taken over after %s s; in doubt: %s" % (
                len(took), ", ".join("%.0f" % t for t in took), w.doubts))
            assert took and max(took) < LEASE_S + RENEW_S + 2, took
    finally:
        database.stop()


if __name__ == "__main__":
    main()
