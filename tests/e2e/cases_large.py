"""Objects larger than a message: a photo of 200 kB through 10 kB messages."""

import base64
import functools
import re

import items
from cases_matrix import quiet, same_items
from harness import check, same

PHOTO = base64.b64encode(items.photo_bytes(200000)).decode()


def with_photo(n, data=PHOTO):
    return items.contact(
        n, PHOTO="PHOTO;ENCODING=B;TYPE=JPEG:" + data)


def photo(version, wbxml, c):
    small = ["maxMsgSize=10240"]
    a = c.phone("a", version=version, wbxml=wbxml, props=small,
                dbs=["contacts"])
    b = c.phone("b", version=version, wbxml=wbxml, props=small,
                dbs=["contacts"])
    a.put("contacts", "bild", with_photo(1))
    a.put("contacts", "ohne", items.small_contact(2))
    a.sync(moved={"contacts": {"remote-added": 2}})
    b.sync(moved={"contacts": {"local-added": 2}})
    same_items(a, b)
    quiet(a, b)
    # The other way, as a change.
    b.edit("contacts", "joerg1@", "Maschinist", "Fotograf")
    b.sync(moved={"contacts": {"remote-updated": 1}})
    a.sync(moved={"contacts": {"local-updated": 1}})
    same_items(a, b)
    quiet(a, b)


def many_photos(c):
    """Several large ones in one session, each way."""
    a = c.phone("a", props=["maxMsgSize=20000"], dbs=["contacts"])
    b = c.phone("b", props=["maxMsgSize=20000"], dbs=["contacts"])
    for n in range(5):
        data = base64.b64encode(items.photo_bytes(30000 + 7001 * n))
        a.put("contacts", "bild%d" % n, with_photo(n, data.decode()))
    a.sync(moved={"contacts": {"remote-added": 5}})
    b.sync(moved={"contacts": {"local-added": 5}})
    same_items(a, b)
    quiet(a, b)


def pictures(phone):
    """How many contacts have one; its client writes empty ones, too."""
    return sum(bool(re.search(r"^PHOTO[^:]*:\S", phone.get("contacts", n), re.M))
               for n in phone.names("contacts"))


def too_large_for_the_client(c):
    """What does not fit arrives without its picture, which nobody loses; and
    whole when there is room."""
    a = c.phone("a", dbs=["contacts"])
    b = c.phone("b", dbs=["contacts"], props=["maxObjSize=100000"])
    a.put("contacts", "bild", with_photo(1))
    a.put("contacts", "ohne", items.small_contact(2))
    a.sync()
    b.sync(moved={"contacts": {"local-added": 2}})
    check(not pictures(b), "larger than it said")
    b.sync(moved={})
    # What its user changes there costs nobody the picture.
    b.edit("contacts", "joerg1@", "Maschinist", "Fotograf")
    b.sync(moved={"contacts": {"remote-updated": 1}})
    a.sync(moved={"contacts": {"local-updated": 1}})
    same("pictures", pictures(a), 1)
    b.sync(moved={})
    b.set("maxObjSize=4000000")
    b.sync(moved={"contacts": {"local-updated": 1}})
    same_items(a, b)


def too_large_for_the_server(c):
    """The server refuses one item; the others arrive."""
    a = c.phone("a", dbs=["contacts"])
    b = c.phone("b", dbs=["contacts"])
    huge = base64.b64encode(items.photo_bytes(900000)).decode()
    a.put("contacts", "bild", with_photo(1, huge))
    a.put("contacts", "ohne", items.small_contact(2))
    a.sync(ok=False)
    b.sync()
    same("contacts at the second device", len(b.names("contacts")), 1)
    check("Nachname0002" in b.get("contacts", b.names("contacts")[0]),
          "the wrong one arrived")


CONF = {"max_object": "1000000"}


def cases():
    for version in ("1.1", "1.2"):
        for wbxml in (False, True):
            name = "v%s_%s_photo" % (version.replace(".", ""),
                                     "wbxml" if wbxml else "xml")
            yield name, functools.partial(photo, version, wbxml)
    for case in (many_photos, too_large_for_the_client,
                 too_large_for_the_server):
        yield case.__name__, case
