"""The site moves into another database (docs/moving.md): between syncs, in the
middle of a session, and back. No phone does a slow sync."""

import functools
import os
import sys

import items
from cases_interrupted import prepare, settle
from cases_matrix import fill, quiet, same_items
from harness import Site, check, same
from proxy import CuttingProxy

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "nodes"))
from cluster import Database  # noqa: E402


class Moving:
    """A site of the case's own, which begins on SQLite, and a PostgreSQL."""

    def __init__(self, c):
        self.c = c
        self.db = Database()
        self.file = "sqlite:" + os.path.join(c.room, "first.db")

    def __enter__(self):
        self.c.site = self.site = Site(
            self.c.site.binary, os.path.join(self.c.room, "site"),
            store=self.file)
        self.site.start()
        self.c.account(self.c.user)
        self.postgres = self.db.create("moved")
        return self

    def __exit__(self, kind, *_):
        try:
            self.site.stop()
            if kind is None:
                self.site.command("check")
                self.site.check_log()
        finally:
            self.db.stop()

    def copy(self, to, *more):
        said = self.site.json("copy", "--from", self.site.conf["store"],
                              "--to", to, *more)
        same("differences", said["differences"], [])
        return said

    def move(self, to):
        """As an administrator does it, while the daemon runs."""
        self.copy(to, "--ahead")
        same("the result", self.copy(to)["result"], "moved")
        self.site.conf["store"] = to
        self.site.restart()


def two_way(phone, **args):
    r = phone.sync(**args)
    for db in phone.dbs:
        check(r.mode(db) == "two-way", "%s: the sync of %s was %s, see %s",
              phone.dev_id, db, r.mode(db), phone.log)
    return r


def edits(a, b, n):
    """On both sides, since the last sync of either."""
    a.edit("contacts", "Nachname0002", "Vorname", "Vorname%d" % n)
    a.put("contacts", "neu%d" % n, items.small_contact(50 + n))
    b.edit("calendar", "Zahnarzt", "Praxis", "Praxis %d" % n)
    b.put("notes", "note%d" % n, items.note(7 + n))
    b.edit("tasks", "Seil schmieren", "PERCENT-COMPLETE:",
           "PERCENT-COMPLETE:1")


def all_in_step(a, b, n):
    """Both come back with an ordinary sync; everything is there once."""
    two_way(a, moved={"contacts": {"remote-added": 1, "remote-updated": 1}})
    two_way(b, moved={"contacts": {"local-added": 1, "local-updated": 1},
                      "calendar": {"remote-updated": 1},
                      "tasks": {"remote-updated": 1},
                      "notes": {"remote-added": 1}})
    two_way(a)
    same("contacts", len(a.names("contacts")), 2 + n)
    same("notes", len(a.names("notes")), 1 + n)
    same_items(a, b)
    quiet(a, b)


def there_and_back(c):
    with Moving(c) as m:
        a, b = c.phone("a"), c.phone("b")
        fill(a)
        a.sync()
        b.sync()
        m.move(m.postgres)
        edits(a, b, 1)
        all_in_step(a, b, 1)
        a.delete("calendar", "frei")
        two_way(a)
        m.move("sqlite:" + os.path.join(c.room, "second.db"))
        edits(a, b, 2)
        two_way(b, moved={"calendar": {"remote-updated": 1,
                                       "local-removed": 1},
                          "tasks": {"remote-updated": 1},
                          "notes": {"remote-added": 1}})
        two_way(a)
        two_way(b)
        same_items(a, b)
        quiet(a, b)


def changes_before_the_move(c):
    """What one phone brought to the old database, the other one gets from the
    new one."""
    with Moving(c) as m:
        a, b = prepare(c)
        m.move(m.postgres)
        settle(a, b)


def in_the_middle(nth, c):
    """The site moves while a session is under way: its nth message comes to
    the new database and goes on there."""
    with Moving(c) as m:
        a, b = prepare(c)
        with CuttingProxy(c.site.port) as proxy:
            def lose(n, when):
                if n == nth and when == "request":
                    m.move(m.postgres)
                return False

            proxy.lose = lose
            a.set("syncURL=" + proxy.url)
            r = two_way(a)
            a.set("syncURL=" + c.site.url)
        check(proxy.count >= nth, "the session had %d messages only",
              proxy.count)
        check(c.site.conf["store"] == m.postgres, "nothing was moved")
        check(r.moved("contacts"), "nothing was synced")
        settle(a, b)


def cases():
    yield "there_and_back", there_and_back
    yield "changes_before_the_move", changes_before_the_move
    for nth in (2, 3):
        yield ("in_the_middle_%d" % nth,
               functools.partial(in_the_middle, nth))
