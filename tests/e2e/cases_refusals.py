"""What the server refuses, and that it refuses no more than that."""

import items
from cases_matrix import fill, same_items
from harness import check, same

DENIED = (401, 403, 407, 10401, 10403, 10407)


def wrong_password(c):
    good = c.phone("good")
    good.sync(moved={})
    for auth in ("basic", "md5"):
        for wbxml in (False, True):
            phone = c.phone("%s%d" % (auth, wbxml), password="falsch",
                            auth=auth, wbxml=wbxml)
            fill(phone)
            r = phone.sync(ok=False)
            check(r.code != 0, "the sync went through")
            check(r.status() in DENIED, "status %d", r.status())
    # Nobody's data came in, and who is known is not held up by others' guesses.
    good.sync(moved={})
    for db in good.dbs:
        same(db, good.names(db), [])


def unknown_user(c):
    phone = c.phone("nobody", user="niemand", password="geheim")
    r = phone.sync(ok=False)
    check(r.status() in DENIED, "status %d", r.status())


def md5_without_leave(c):
    """MD5 works with a secret that allows it and with no other."""
    good = c.phone("good")
    fill(good)
    good.sync()
    third = c.phone("third", auth="md5",
                    password=c.site.md5_secret(c.user, "third"))
    third.sync()
    same_items(good, third)
    phone = c.phone("a", auth="md5")
    phone.put("contacts", "x", items.small_contact(8))
    r = phone.sync(ok=False)
    if r.code == 0:  # the client went on with Basic: that is its right
        good.sync(moved={"contacts": {"local-added": 1}})
    else:
        good.sync(moved={})
        third.sync(moved={})


def unknown_database(c):
    """404 for one database; the others go on."""
    a = c.phone("a")
    a.set("tasks/uri=gibtsnicht")
    fill(a)
    r = a.sync(ok=False)
    check(r.status("tasks") in (404, 10404), "tasks: status %d",
          r.status("tasks"))
    b = c.phone("b")
    b.sync()
    same("contacts", len(b.names("contacts")), 2)
    same("calendar", len(b.names("calendar")), 3)
    same("notes", len(b.names("notes")), 1)
    same("tasks", b.names("tasks"), [])


def garbage_item(c):
    """One item that is no item costs only itself."""
    a = c.phone("a", dbs=["notes"])
    a.put("notes", "gut", items.note(1))
    a.put("notes", "leer", "")
    a.sync(ok=False)
    b = c.phone("b", dbs=["notes"])
    b.sync()
    check(any("Notiz 1" in t for t in b.all("notes").values()),
          "the good one is missing")


def two_accounts_see_nothing_of_each_other(c):
    a = c.phone("a")
    fill(a)
    a.sync()
    other = c.user + "-2"
    c.site.add_user(other, "anders")
    stranger = c.phone("stranger", user=other, password="anders",
                       dev_id=a.dev_id)
    stranger.sync(moved={})
    for db in stranger.dbs:
        same(db, stranger.names(db), [])


def cases():
    # Wrong tries hold up all that come from their address and are not known:
    # they come last.
    for case in (unknown_database, garbage_item,
                 two_accounts_see_nothing_of_each_other, md5_without_leave,
                 wrong_password, unknown_user):
        yield case.__name__, case
