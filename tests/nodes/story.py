"""A cluster under load, and what happens to it while devices sync."""

import os
import signal
import time

from cluster import Cluster, Database, check, until
from harness import Failure

BUSY = 5
MOVE_S = 60  # so long until devices get on again


class Place:
    """A cluster that is gone at the end, and its logs too if all went well."""

    def __init__(self, o, part, nodes, spare=0, program=None, **conf):
        conf = dict({"log_level": "info", "workers": 4}, **conf)
        self.cluster = Cluster(
            program or o.program, os.path.join(o.room, part), nodes, spare,
            Database(o.pgbouncer), name=part, **conf)
        self.fleet = None

    def __enter__(self):
        try:
            self.cluster.start()
        except BaseException:
            self.__exit__(Failure)
            raise
        return self

    def __exit__(self, kind, *_):
        if self.fleet:
            (self.fleet.kill if kind else self.fleet.end)()
        try:
            if kind is None:
                check(self.cluster.deadlocks() == 0, "there were deadlocks")
                self.cluster.command("check")
                for node in self.cluster.nodes:
                    node.stop()
                self.cluster.check_log()
        finally:
            self.cluster.kill()
            self.cluster.db.stop()


class Story:
    """What happens while devices sync."""

    def __init__(self, cluster):
        self.c, self.nodes, self.began = cluster, cluster.nodes, time.time()

    def say(self, text):
        print("  %5.1f s: %s" % (time.time() - self.began, text), flush=True)

    def changes(self):
        return int(self.c.sql("SELECT sum(change_no)::bigint FROM account"))

    def moves(self, n=60):
        """Devices get on: so many transactions of theirs."""
        at = self.changes() + n
        until(lambda: self.changes() >= at, "the devices get on", MOVE_S)

    def waiting(self, node):
        """Connections of the balancer to this node: one for each message."""
        mine = ":%04X" % node.port
        with open("/proc/net/tcp") as f:
            return sum(x.split()[1].endswith(mine) and x.split()[3] == "01"
                       for x in f.readlines()[1:])

    def kill_busy(self, i):
        """A node that works is nearly always between two messages: so it is
        frozen where it stands, with its transactions and locks, until others
        wait for it too, and then killed. What it had not read yet the
        balancer takes to another one; the rest the devices send again."""
        node = self.nodes[i]
        # The balancer has seen that it is there.
        until(lambda: self.waiting(node) > 0, "the node is used", MOVE_S)
        node.process.send_signal(signal.SIGSTOP)
        until(lambda: self.waiting(node) >= BUSY, "the node is busy", MOVE_S)
        self.say("node %d is killed, %d messages wait for it" % (
            i, self.waiting(node)))
        node.stop(signal.SIGKILL)

    def kill_node(self, i):
        self.kill_busy(i)
        self.moves()
        self.nodes[i].start()
        self.say("node %d is back" % i)
        self.moves()

    def kill_two(self, i, j):
        self.kill_busy(i)
        self.kill_busy(j)
        self.moves()
        self.nodes[i].start()
        self.nodes[j].start()
        self.moves()

    def add_node(self, i):
        if self.nodes[i].process is None:
            self.say("node %d is added" % i)
            self.nodes[i].start()
            self.moves()

    def restart_all(self):
        for i, node in enumerate(self.nodes):
            if node.process is not None:
                self.say("node %d is restarted" % i)
                node.restart()
                self.moves(30)

    def database(self, sig, what):
        """Away until every node that is asked something has noticed."""
        self.say("PostgreSQL is " + what)
        seen = [os.path.getsize(n.log_path) for n in self.nodes
                if n.process is not None]
        self.c.db.end(sig)
        nodes = [n for n in self.nodes if n.process is not None]
        until(lambda: any(os.path.getsize(n.log_path) > s
                          for n, s in zip(nodes, seen)), "a node noticed")
        self.c.db.again()
        self.say("PostgreSQL is back")
        self.moves()
