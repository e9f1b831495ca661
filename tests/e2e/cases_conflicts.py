"""The same item changed on two devices before they meet."""

import items
from cases_matrix import quiet, same_items
from harness import check, same


def pair(c, **args):
    a, b = c.phone("a", **args), c.phone("b", **args)
    a.put("contacts", "anna", items.contact(1))
    a.put("calendar", "jour", items.meeting(1))
    a.sync()
    b.sync()
    same_items(a, b)
    return a, b


DBS = ["contacts", "calendar"]


def meet(a, b):
    """Syncs until both have seen everything."""
    a.sync()
    b.sync()
    a.sync()
    same_items(a, b)
    quiet(b, a)


def different_properties(c):
    """Both edits survive, on both devices."""
    a, b = pair(c, dbs=DBS)
    a.edit("contacts", "joerg1@", "Maschinist", "Betriebsleiter")
    b.edit("contacts", "joerg1@", "+49 170 00001", "+49 170 555")
    a.edit("calendar", "Jour fixe", "Raum 1", "Saal 9")
    b.edit("calendar", "Jour fixe", "PRIORITY:5", "PRIORITY:1")
    meet(a, b)
    card = a.get("contacts", "anna")
    check("Betriebsleiter" in card, "the first edit is lost:\n%s", card)
    check("+49 170 555" in card, "the second edit is lost:\n%s", card)
    event = a.get("calendar", "jour")
    check("Saal 9" in event and "PRIORITY:1" in event,
          "an edit is lost:\n%s", event)


def same_property(c):
    """One value wins on both, the loser is kept and reported."""
    a, b = pair(c, dbs=DBS)
    a.edit("contacts", "joerg1@", "Maschinist", "Betriebsleiter")
    b.edit("contacts", "joerg1@", "Maschinist", "Seilprüfer")
    meet(a, b)
    card = a.get("contacts", "anna")
    winner = [t for t in ("Betriebsleiter", "Seilprüfer") if t in card]
    same("winners", len(winner), 1)
    loser = "Seilprüfer" if winner == ["Betriebsleiter"] else "Betriebsleiter"
    history = c.history("contacts", "Müller-1")
    check(loser in history, "%r is in no revision:\n%s", loser, history)
    stories = c.stories()
    check("conflict" in stories.lower(), "no story tells of the conflict:\n%s",
          stories)


def both_the_same(c):
    """The same edit on both sides is no conflict."""
    a, b = pair(c, dbs=DBS)
    a.edit("contacts", "joerg1@", "Maschinist", "Betriebsleiter")
    b.edit("contacts", "joerg1@", "Maschinist", "Betriebsleiter")
    meet(a, b)
    same("contacts", len(a.names("contacts")), 1)
    check("Betriebsleiter" in a.get("contacts", "anna"), "the edit is lost")


def delete_against_edit(c):
    """The edit wins, whoever comes first."""
    for first, second in (("delete", "edit"), ("edit", "delete")):
        a = c.phone(first + "-a", dbs=["contacts"])
        b = c.phone(first + "-b", dbs=["contacts"])
        n = 11 if first == "delete" else 12
        a.put("contacts", "paul", items.small_contact(n))
        a.sync()
        b.sync()
        for phone, what in ((a, first), (b, second)):
            name = phone.find("contacts", "Nachname00%d" % n)
            if what == "delete":
                phone.delete("contacts", name)
            else:
                phone.edit("contacts", "Nachname00%d" % n, "+49 160",
                           "+49 161")
        a.sync()
        b.sync()
        a.sync()
        b.sync()
        for phone in (a, b):
            name = phone.find("contacts", "Nachname00%d" % n)
            check("+49 161" in phone.get("contacts", name),
                  "%s first: the edit is lost at %s", first, phone.dev_id)
        same_items(a, b)
        quiet(a, b)


def both_delete(c):
    a, b = pair(c, dbs=DBS)
    a.delete("contacts", "anna")
    b.delete("contacts", b.names("contacts")[0])
    meet(a, b)
    same("contacts", a.names("contacts"), [])


def three_devices(c):
    """Three edits of three properties meet in any order."""
    a, b = pair(c, dbs=DBS)
    d = c.phone("d", dbs=DBS)
    d.sync()
    a.edit("contacts", "joerg1@", "Maschinist", "Betriebsleiter")
    b.edit("contacts", "joerg1@", "+49 170 00001", "+49 170 555")
    d.edit("contacts", "joerg1@", "NICKNAME:Jogi", "NICKNAME:Schorsch")
    for phone in (a, b, d, a, b, d):
        phone.sync()
    card = a.get("contacts", "anna")
    for part in ("Betriebsleiter", "+49 170 555", "Schorsch"):
        check(part in card, "%r is lost:\n%s", part, card)
    same_items(a, b)
    same_items(a, d)
    quiet(a, b, d)


def conflict_in_slow_sync(c):
    """Without a base both keep all fields; nothing is there twice."""
    a, b = pair(c, dbs=DBS)
    a.edit("contacts", "joerg1@", "Maschinist", "Betriebsleiter")
    b.edit("contacts", "joerg1@", "NICKNAME:Jogi", "NICKNAME:Schorsch")
    a.sync()
    b.sync("slow")
    a.sync()
    b.sync()
    same("contacts", len(a.names("contacts")), 1)
    same_items(a, b)
    quiet(a, b)


def cases():
    for case in (different_properties, same_property, both_the_same,
                 delete_against_edit, both_delete, three_devices,
                 conflict_in_slow_sync):
        yield case.__name__, case
