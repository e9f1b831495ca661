#!/usr/bin/env python3
"""Calls go one way: server -> syncml -> pim -> base, and to stores only
through backends/store.h and copy.h, to outlets, mailboxes
and submission through outlet.h, mailbox.h and submission.h. This reads every #include line and fails on one that points
upward, and on a third-party library outside the files it is meant for.
"""

import re

import tree

# room -> rooms whose headers it may include
MAY = {
    "base": {"base"},
    "pim": {"base", "pim"},
    "syncml": {"base", "pim", "syncml"},
    "backends": {"base", "backends"},
    "server": {"base", "pim", "syncml", "backends", "server"},
    "clients": {"base", "pim", "syncml", "clients"},
}
STORE = {"backends/store.h", "backends/copy.h", "backends/outlet.h",
         "backends/mailbox.h", "backends/submission.h"}
# The one file that opens them names the outlets that there are.
OPENS = {"server/outlets.c": {"backends/xmpp/xmpp.h", "backends/smtp/smtp.h",
                              "backends/push/push.h"}}
# These see the stores through the interface alone.
ONLY_STORE = {"syncml", "server"}

# third-party header (start of its name) -> where it may appear
FOREIGN = {
    "sodium": ("base/", "server/", "backends/xmpp/sasl",
               "backends/imap/open"),
    "gnutls": ("base/digest.c", "server/", "backends/line", "backends/xmpp/"),
    "libxml": ("syncml/xml", "backends/xmpp/read"),
    "strophe": (),
    "sqlite3": ("backends/sqlite/", "clients/state"),
    "libical": ("pim/recur",),
    "microhttpd": ("server/",),
    "curl": ("clients/http", "backends/smtp/", "backends/push/"),
    "systemd": ("server/",),
    "ini.h": ("server/conf", "pim/rules"),
    "json-c": ("server/", "clients/"),
    "wbxml": ("server/push/emn",),
    "zlib": ("server/http/inflate",),
    "libpq": ("backends/postgres/",),
}


def included(name):
    for n, line in enumerate(tree.read(name).split("\n"), 1):
        m = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if m:
            yield n, m[1] == '"', m[2]


def main():
    findings = []
    for name in tree.files(".c", ".h", under=tree.ROOMS):
        room = name.split("/")[0]
        for n, own, what in included(name):
            at = "%s:%d: " % (name, n)
            if own:
                other = what.split("/")[0]
                if "/" not in what or other not in MAY:
                    findings.append(at + "\"%s\" is not relative to the "
                                    "tree's root" % what)
                elif what in STORE and room in ONLY_STORE or \
                        what in OPENS.get(name, ()):
                    continue
                elif other not in MAY[room]:
                    findings.append(at + "%s must not know %s" % (room, what))
                elif other == "backends" and room in ONLY_STORE:
                    findings.append(at + "stores and outlets only through " +
                                    " and ".join(sorted(STORE)))
                continue
            for lib, places in FOREIGN.items():
                if what.startswith(lib) and not name.startswith(places):
                    findings.append(at + "<%s> belongs into %s" % (
                        what, " or ".join(places) or "the tests"))
    tree.verdict(findings, "layering")


main()
