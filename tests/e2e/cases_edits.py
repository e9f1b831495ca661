"""Edits and deletes, each way, property by property."""

import items
from cases_matrix import quiet, same_items
from harness import check, same


def pair(c, **args):
    a, b = c.phone("a", **args), c.phone("b", **args)
    return a, b


# What is done to the contact: (old line, new line or None)
CONTACT_EDITS = [
    ("TITLE:Maschinist", "TITLE:Betriebsleiter"),
    ("NICKNAME:Jogi", None),
    ("TEL;TYPE=CELL:+49 170 00001", "TEL;TYPE=CELL:+49 170 777"),
    ("EMAIL;TYPE=HOME:joerg1@home.example", None),
    ("CATEGORIES:Freunde,Arbeit", "CATEGORIES:Freunde"),
    ("BDAY:1970-02-28", "BDAY:1971-03-01"),
]


def each_property(c):
    """One property after the other is changed or removed on one device."""
    a, b = pair(c, dbs=["contacts"])
    text = items.contact(1)
    a.put("contacts", "anna", text)
    a.sync()
    b.sync()
    for old, new in CONTACT_EDITS:
        check(old in text, "no %r in the item", old)
        text = text.replace(old + "\r\n", new + "\r\n" if new else "")
        a.put("contacts", "anna", text)
        a.sync(moved={"contacts": {"remote-updated": 1}})
        b.sync(moved={"contacts": {"local-updated": 1}})
        got = b.get("contacts", b.names("contacts")[0])
        same("after %r" % old, items.difference(text, got), "")
    quiet(a, b)


def each_way(c):
    """Ten edits that change hands each time."""
    a, b = pair(c, dbs=["contacts", "calendar"])
    a.put("contacts", "anna", items.contact(1))
    a.put("calendar", "jour", items.meeting(1))
    a.sync()
    b.sync()
    here, there, title, room = a, b, "Maschinist", "Raum 1"
    for n in range(10):
        here.edit("contacts", "joerg1@", title, "Titel %d" % n)
        here.edit("calendar", "Jour fixe", room, "Saal %d" % n)
        title, room = "Titel %d" % n, "Saal %d" % n
        here.sync(moved={"contacts": {"remote-updated": 1},
                         "calendar": {"remote-updated": 1}})
        there.sync(moved={"contacts": {"local-updated": 1},
                          "calendar": {"local-updated": 1}})
        same_items(here, there)
        here, there = there, here
    quiet(a, b)


def move_an_appointment(c):
    a, b = pair(c, dbs=["calendar"])
    a.put("calendar", "jour", items.meeting(1))
    a.put("calendar", "frei", items.holiday(1))
    a.sync()
    b.sync()
    b.edit("calendar", "Jour fixe", "20260305T110000", "20260305T123000")
    b.edit("calendar", "Ferien", "20260504", "20260506")
    b.sync(moved={"calendar": {"remote-updated": 2}})
    a.sync(moved={"calendar": {"local-updated": 2}})
    same_items(a, b)
    check("20260506" in a.get("calendar", "frei"), "the new end is missing")
    quiet(a, b)


def finish_a_task(c):
    a, b = pair(c, dbs=["tasks"])
    a.put("tasks", "seil", items.task(1))
    a.sync()
    b.sync()
    name = b.names("tasks")[0]
    text = b.get("tasks", name)
    text = text.replace("STATUS:IN-PROCESS", "STATUS:COMPLETED").replace(
        "PERCENT-COMPLETE:30",
        "PERCENT-COMPLETE:100\r\nCOMPLETED:20260404T100000Z")
    b.put("tasks", name, text)
    b.sync()
    a.sync()
    got = a.get("tasks", "seil")
    check("STATUS:COMPLETED" in got, "not completed: %s", got)
    check("COMPLETED:20260404T100000Z" in got, "no time: %s", got)
    same_items(a, b)
    quiet(a, b)


def delete_and_make_again(c):
    """A deleted item that comes back under its old name is a new one."""
    a, b = pair(c, dbs=["contacts", "notes"])
    a.put("contacts", "anna", items.contact(1))
    a.put("notes", "eins", items.note(1))
    a.sync()
    b.sync()
    a.delete("contacts", "anna")
    a.delete("notes", "eins")
    a.sync(moved={"contacts": {"remote-removed": 1},
                  "notes": {"remote-removed": 1}})
    a.put("contacts", "anna", items.contact(1))
    a.put("notes", "eins", items.note(1))
    a.sync(moved={"contacts": {"remote-added": 1},
                  "notes": {"remote-added": 1}})
    b.sync()
    same_items(a, b)
    same("contacts", len(b.names("contacts")), 1)
    quiet(a, b)


def two_equal_ones_stay_two(c):
    """Two equal contacts made on purpose are two, also after a slow sync."""
    a, b = pair(c, dbs=["contacts"])
    a.put("contacts", "x", items.small_contact(1))
    a.put("contacts", "y", items.small_contact(1))
    a.sync()
    b.sync()
    same("contacts", len(b.names("contacts")), 2)
    b.sync("slow")
    a.sync("slow")
    same("contacts", len(a.names("contacts")), 2)
    same("contacts", len(b.names("contacts")), 2)
    quiet(a, b)


def a_third_device_later(c):
    a, b = pair(c)
    a.put("contacts", "anna", items.contact(1))
    a.put("notes", "eins", items.note(1))
    a.sync()
    b.sync()
    b.edit("contacts", "Jogi", "Jogi", "Schorsch")
    b.sync()
    b.delete("notes", b.names("notes")[0])
    b.sync()
    third = c.phone("third")
    third.sync(moved={"contacts": {"local-added": 1}})
    same_items(b, third)
    a.sync()
    same_items(a, third)
    quiet(a, b, third)


def cases():
    for case in (each_property, each_way, move_an_appointment, finish_a_task,
                 delete_and_make_again, two_equal_ones_stay_two,
                 a_third_device_later):
        yield case.__name__, case
