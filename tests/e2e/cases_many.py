"""Five hundred small items."""

import functools

import items
from cases_matrix import quiet
from harness import same

N = 500


def five_hundred(wbxml, size, c):
    props = ["maxMsgSize=%d" % size]
    a = c.phone("a", dbs=["contacts"], wbxml=wbxml, props=props)
    b = c.phone("b", dbs=["contacts"], wbxml=wbxml, props=props)
    for n in range(N):
        a.put("contacts", n, items.small_contact(n))
    a.sync(moved={"contacts": {"remote-added": N}})
    b.sync(moved={"contacts": {"local-added": N}})
    same("contacts", len(b.names("contacts")), N)
    same_sets(a, b)
    quiet(a, b)
    for n in range(0, 50):
        b.edit("contacts", "Nachname%04d;" % n, "Vorname", "Geändert")
    for n in range(50, 59):
        b.delete("contacts", b.find("contacts", "Nachname%04d;" % n))
    b.sync(moved={"contacts": {"remote-updated": 50, "remote-removed": 9}})
    a.sync(moved={"contacts": {"local-updated": 50, "local-removed": 9}})
    same_sets(a, b)
    a.sync("slow")
    same("contacts", len(a.names("contacts")), N - 9)
    quiet(b, a)


def same_sets(a, b):
    """As same_items, by sorting: the pairwise way is quadratic."""
    mine = sorted("\n".join(items.flat(items.normal(t)))
                  for t in a.all("contacts").values())
    theirs = sorted("\n".join(items.flat(items.normal(t)))
                    for t in b.all("contacts").values())
    same("items that differ", [x for x in mine if x not in set(theirs)], [])
    same("items that are too many", len(theirs), len(mine))


def cases():
    yield "wbxml", functools.partial(five_hundred, True, 150000)
    yield "xml_small_messages", functools.partial(five_hundred, False, 10240)
