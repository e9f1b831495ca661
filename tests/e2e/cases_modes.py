"""Every sync type that SyncEvolution knows, in XML and in WBXML."""

import functools

import items
from cases_matrix import fill, quiet, same_items
from harness import check, same


def pair(c, wbxml, **args):
    a = c.phone("a", wbxml=wbxml, **args)
    b = c.phone("b", wbxml=wbxml, **args)
    fill(a)
    a.sync()
    b.sync()
    same_items(a, b)
    return a, b


def slow(wbxml, c):
    """A slow sync of equal sides makes no duplicates and changes nothing."""
    a, b = pair(c, wbxml)
    before = {db: a.all(db) for db in a.dbs}
    r = a.sync("slow")
    same("mode", r.mode("contacts"), "slow")
    for db in a.dbs:
        for what in ("local-added", "local-removed"):
            check(what not in r.moved(db), "%s: %r", db, r.moved(db))
        same("names in " + db, a.names(db), sorted(before[db]))
    b.sync(moved={})
    same_items(a, b)


def slow_after_both_changed(wbxml, c):
    """Without a base: the union, and no item twice."""
    a, b = pair(c, wbxml)
    b.put("contacts", "neu", items.small_contact(7))
    b.sync()
    a.put("contacts", "mein", items.small_contact(8))
    a.sync("slow")
    b.sync()
    same("contacts", len(a.names("contacts")), 4)
    same_items(a, b)
    quiet(a, b)


def from_local(wbxml, c):
    a, b = pair(c, wbxml)
    b.put("contacts", "neu", items.small_contact(7))
    b.sync()
    a.edit("contacts", "Nachname0002", "Vorname", "Anton")
    a.sync("one-way-from-local",
           moved={"contacts": {"remote-updated": 1}})
    same("contacts", len(a.names("contacts")), 2)
    a.sync(moved={"contacts": {"local-added": 1}})
    b.sync(moved={"contacts": {"local-updated": 1}})
    same_items(a, b)


def from_remote(wbxml, c):
    """SyncEvolution asks for an ordinary sync, and holds its own changes back.
    Later it sends them, and what it got meanwhile once more as its own new
    items: they must not become doubles."""
    a, b = pair(c, wbxml)
    b.put("contacts", "neu", items.small_contact(7))
    b.sync()
    a.put("notes", "zwei", items.note(2))
    a.sync("one-way-from-remote", moved={"contacts": {"local-added": 1}})
    b.sync(moved={})
    a.sync()
    b.sync(moved={"notes": {"local-added": 1}})
    same("contacts", len(b.names("contacts")), 3)
    same_items(a, b)


def refresh_from_local(wbxml, c):
    """What the client has is what the server has, afterwards."""
    a, b = pair(c, wbxml)
    b.put("contacts", "neu", items.small_contact(7))
    b.sync()
    a.delete("calendar", "frei")
    a.edit("notes", "Notiz 1", "Fett", "Schmalz")
    r = a.sync("refresh-from-local")
    same("mode", r.mode("contacts"), "refresh-from-local")
    b.sync()
    same("contacts", len(b.names("contacts")), 2)
    same("calendar", len(b.names("calendar")), 2)
    same_items(a, b)
    quiet(a, b)


def refresh_from_remote(native, wbxml, c):
    a, b = pair(c, wbxml, props=["enableRefreshSync=%d" % native])
    b.put("contacts", "neu", items.small_contact(7))
    b.sync()
    a.delete("calendar", "frei")
    a.edit("notes", "Notiz 1", "Fett", "Schmalz")
    a.put("tasks", "weg", items.task(5, summary="Nur hier"))
    a.sync("refresh-from-remote")
    same_items(b, a)
    quiet(a, b)


def first_refresh_from_remote(native, wbxml, c):
    """The first sync of a new device may be a refresh too."""
    a = c.phone("a", wbxml=wbxml)
    fill(a)
    a.sync()
    b = c.phone("b", wbxml=wbxml, props=["enableRefreshSync=%d" % native])
    b.sync("refresh-from-remote")
    same_items(a, b)
    quiet(a, b)


def cases():
    yield "xml_slow", functools.partial(slow, False)
    yield "wbxml_slow", functools.partial(slow, True)
    for wbxml in (False, True):
        enc = "wbxml" if wbxml else "xml"
        for case in (slow_after_both_changed, from_local, from_remote,
                     refresh_from_local):
            yield ("%s_%s" % (enc, case.__name__),
                   functools.partial(case, wbxml))
        for native in (0, 1):
            yield ("%s_refresh_from_remote_%d" % (enc, native),
                   functools.partial(refresh_from_remote, native, wbxml))
        yield ("%s_first_refresh_from_remote" % enc,
               functools.partial(first_refresh_from_remote, 1, wbxml))
