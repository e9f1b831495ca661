"""The old formats on the wire: vCard 2.1 and vCalendar 1.0."""

import functools

import items
from cases_matrix import quiet
from harness import check, same

OLD = ["contacts/syncFormat=text/x-vcard", "contacts/forceSyncFormat=1",
       "calendar/syncFormat=text/x-vcalendar", "calendar/forceSyncFormat=1",
       "tasks/syncFormat=text/x-vcalendar", "tasks/forceSyncFormat=1"]
# Its AALARM and DALARM have one text for all alarms, and come together.
OF_ALARMS = ("ACTION", "/VALARM DESCRIPTION")
DBS = ["contacts", "calendar", "tasks"]
# vCalendar 1.0 has no place for these, or a scale of its own, or SyncEvolution
# does not write them there.
LOST = ("PERCENT-COMPLETE", "ORGANIZER", "ATTENDEE", "ACTION", "TRIGGER",
        "DESCRIPTION", "PRIORITY", "CLASS", "TRANSP", "RRULE", "EXDATE", "STATUS")


# SyncEvolution's vCard 2.1 has the numbers of GEO in the order of 3.0.
def fill(phone):
    phone.put("contacts", "anna", items.contact(1, GEO=None))
    phone.put("contacts", "bert", items.small_contact(2))
    phone.put("calendar", "jour", items.meeting(1))
    phone.put("calendar", "zahn", items.appointment(2))
    phone.put("calendar", "frei", items.holiday(3))
    phone.put("tasks", "seil", items.task(1))


def same_old(a, b):
    """As far as the old formats can say it."""
    for db, part in (("contacts", "joerg1@"), ("contacts", "Nachname0002"),
                     ("calendar", "Jour fixe"), ("calendar", "Zahnarzt"),
                     ("calendar", "Ferien"), ("tasks", "Seil schmieren")):
        mine = a.get(db, a.find(db, part))
        theirs = b.get(db, b.find(db, part))
        diff = items.difference(mine, theirs,
                                ignore=LOST if db != "contacts" else ())
        same("%s with %s" % (db, part), diff, "")


def formats(a_old, b_old, version, c):
    a = c.phone("a", dbs=DBS, version=version, props=OLD if a_old else [])
    b = c.phone("b", dbs=DBS, version=version, props=OLD if b_old else [])
    fill(a)
    a.sync(moved={"contacts": {"remote-added": 2},
                  "calendar": {"remote-added": 3},
                  "tasks": {"remote-added": 1}})
    b.sync(moved={"contacts": {"local-added": 2},
                  "calendar": {"local-added": 3},
                  "tasks": {"local-added": 1}})
    same_old(a, b)
    quiet(a, b)
    b.edit("contacts", "Nachname0002", "Vorname", "Berta")
    b.edit("calendar", "Zahnarzt", "Praxis", "Klinik")
    b.edit("tasks", "Seil schmieren", "zwei Liter", "drei Liter")
    b.sync()
    a.sync()
    same_old(a, b)
    check("Klinik" in a.get("calendar", "zahn"), "the edit did not arrive")
    quiet(a, b)


def rich_server_poor_phone(c):
    """An edit through the old format costs the others no fields."""
    a = c.phone("a", dbs=DBS)
    b = c.phone("b", dbs=DBS, props=OLD)
    fill(a)
    a.sync()
    before = {db: a.all(db) for db in DBS}
    b.sync()
    b.edit("contacts", "joerg1@", "Maschinist", "Fotograf")
    b.edit("calendar", "Jour fixe", "Raum 1", "Saal 9")
    b.edit("tasks", "Seil schmieren", "zwei Liter", "drei Liter")
    b.sync()
    a.sync()
    for db, name, old, new in (
            ("contacts", "anna", "Maschinist", "Fotograf"),
            ("calendar", "jour", "Raum 1", "Saal 9"),
            ("tasks", "seil", "zwei Liter", "drei Liter")):
        want = before[db][name].replace(old, new)
        same("%s/%s" % (db, name),
             items.difference(want, a.get(db, name), ignore=OF_ALARMS), "")


def cases():
    for version in ("1.0", "1.2"):
        for a_old, b_old in ((True, False), (False, True), (True, True)):
            name = "v%s_%s_to_%s" % (
                version.replace(".", ""), "old" if a_old else "new",
                "old" if b_old else "new")
            yield name, functools.partial(formats, a_old, b_old, version)
    yield "rich_server_poor_phone", rich_server_poor_phone
