"""Sessions that break, and come back without loss, doubles or slow sync."""

import functools
import os
import signal

import items
from cases_matrix import fill, quiet, same_items
from harness import check, same, until
from proxy import CuttingProxy

N = 40


def prepare(c):
    """Two phones in step, with changes waiting on both sides."""
    a = c.phone("a", dbs=["contacts"], props=["maxMsgSize=10240"])
    b = c.phone("b", dbs=["contacts"])
    for n in range(N):
        a.put("contacts", n, items.small_contact(n))
    a.sync()
    b.sync()
    for n in range(5):
        a.edit("contacts", "Nachname%04d" % n, "Vorname", "Anton")
        b.edit("contacts", "Nachname%04d" % (10 + n), "Vorname", "Berta")
        a.put("contacts", "neu-a%d" % n, items.small_contact(100 + n))
        b.put("contacts", "neu-b%d" % n, items.small_contact(200 + n))
    a.delete("contacts", "30")
    b.delete("contacts", b.find("contacts", "Nachname0031;"))
    b.sync()
    return a, b


def settle(a, b):
    """After whatever happened: everybody has everything, once."""
    r = a.sync()
    check(r.mode("contacts") == "two-way", "the next sync was %s, see %s",
          r.mode("contacts"), a.log)
    b.sync()
    r = a.sync()
    same("contacts", len(a.names("contacts")), N + 10 - 2)
    same_items(a, b)
    quiet(a, b)


def lost(when, nth, c):
    """The nth message, or its reply, is lost once; the client resends it."""
    a, b = prepare(c)
    with CuttingProxy(c.site.port) as proxy:
        proxy.lose = lambda n, w: n == nth and w == when
        a.set("syncURL=" + proxy.url)
        r = a.sync(ok=False)
        if nth > 1 and proxy.lost:
            check(r.code == 0, "the resent message was not taken, see %s",
                  a.log)
        a.set("syncURL=" + c.site.url)
    check(proxy.lost or proxy.count < nth, "nothing was lost")
    settle(a, b)


def lost_for_good(nth, c):
    """From the nth reply on the line is dead; the next session mends it."""
    a, b = prepare(c)
    a.set("RetryDuration=0")
    with CuttingProxy(c.site.port) as proxy:
        proxy.lose = lambda n, w: n >= nth and w == "reply"
        a.set("syncURL=" + proxy.url)
        a.sync(ok=False)
        a.set("syncURL=" + c.site.url)
        check(proxy.lost, "nothing was lost")
    b.sync()
    a.sync()
    b.sync()
    a.sync()
    same("contacts", len(a.names("contacts")), N + 10 - 2)
    same_items(a, b)
    quiet(a, b)


def killed(nth, c):
    """The daemon is killed when the nth message has come in, and started
    again: the phone's resend goes on as if nothing had been."""
    a, b = prepare(c)
    with CuttingProxy(c.site.port) as proxy:
        def lose(n, when):
            if n == nth and when == "request":
                c.site.restart(signal.SIGKILL)
                return True
            return False

        proxy.lose = lose
        a.set("syncURL=" + proxy.url)
        r = a.sync(ok=False)
        if proxy.lost and nth > 1:
            check(r.code == 0, "the session did not survive, see %s", a.log)
        a.set("syncURL=" + c.site.url)
    settle(a, b)


def restarted_between_syncs(c):
    a, b = prepare(c)
    c.site.restart()
    settle(a, b)


def suspended(c):
    """The user presses stop: SyncEvolution suspends, and resumes later."""
    a, b = prepare(c)
    with CuttingProxy(c.site.port) as proxy:
        a.set("syncURL=" + proxy.url)
        state = {"process": None}

        def lose(n, when):
            if n == 2 and when == "reply":
                until(lambda: state["process"], "client started")
                state["process"].send_signal(signal.SIGINT)
            return False

        proxy.lose = lose
        started = a.sync_start()
        state["process"] = started[0]
        a.sync_finish(*started)
        a.set("syncURL=" + c.site.url)
    a.sync()
    b.sync()
    a.sync()
    same("contacts", len(a.names("contacts")), N + 10 - 2)
    same_items(a, b)
    quiet(a, b)


def restored_backup(c):
    """The administrator puts a backup back (docs/admin-guide.md): the devices
    bring back what it lacks and nothing is doubled. Of a field that both
    have, the backup's value wins, and the device's is kept in the history."""
    a, b = c.phone("a"), c.phone("b")
    fill(a)
    a.sync()
    b.sync()
    copy = os.path.join(c.room, "backup.db")
    c.site.backup(copy)
    a.edit("contacts", "joerg1@", "Maschinist", "Betriebsleiter")
    a.put("contacts", "neu", items.small_contact(5))
    b.edit("calendar", "Zahnarzt", "Praxis", "Klinik")
    for phone in (a, b, a):
        phone.sync()
    c.site.stop_nodes()
    c.site.restore(copy)
    c.site.command("check")
    c.site.start()
    for phone in (a, b, a, b):
        phone.sync()
    same("contacts", len(a.names("contacts")), 3)
    same_items(a, b)
    kept = c.history("contacts", "Müller-1")
    check("Betriebsleiter" in kept, "the later state is in no revision")
    quiet(a, b)


def client_forgets_everything(c):
    """A phone that was reset and filled from elsewhere makes no doubles."""
    a = c.phone("a")
    fill(a)
    a.sync()
    again = c.phone("again", dev_id=a.dev_id)
    fill(again)
    again.sync()
    for db in again.dbs:
        same(db, len(again.names(db)), len(a.names(db)))
    other = c.phone("other")
    other.sync()
    same_items(again, other)
    quiet(again)


def cases():
    for when in ("request", "reply"):
        for nth in (1, 2, 3, 4):
            yield ("lost_%s_%d" % (when, nth),
                   functools.partial(lost, when, nth))
    for nth in (2, 3):
        yield "lost_for_good_%d" % nth, functools.partial(lost_for_good, nth)
    for nth in (2, 3):
        yield "killed_%d" % nth, functools.partial(killed, nth)
    # The last one takes the database of the whole group back.
    for case in (restarted_between_syncs, suspended,
                 client_forgets_everything, restored_backup):
        yield case.__name__, case
