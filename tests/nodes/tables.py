"""Which tables a session's messages touch: the site's own only at the login.
PostgreSQL is asked: it logs every statement of a whole session, whose messages
reach the nodes in turn."""

import re

from cluster import check, until
from phone import Phone, card

# What each node asks beside the messages, now and then and outside of their
# transactions.
HOUSE = {"site", "throttle", "auth_day", "node", "lease", "mail_login"}
ENTRY = re.compile(r"^(\d+) \[tables\] LOG:  (?:statement|execute [^:]+): "
                   r"(.*(?:\n\t.*)*)", re.M)
ADDS = 40


class Tables:
    def __init__(self, site):
        self.site = site
        self.log = site.db.server.dir + "/log"
        rows = site.sql("SELECT name, class FROM table_class").split("\n")
        self.of = dict(row.split("|") for row in rows)
        self.ports = [node.port for node in site.nodes]
        self.seen = {}  # {what: {table: statements}}
        for name, value in (("log_line_prefix", "%p [%d] "),
                            ("log_statement", "all")):
            site.db.sql("ALTER SYSTEM SET %s = '%s'" % (name, value),
                        user="postgres")
        site.db.sql("SELECT pg_reload_conf()", user="postgres")
        until(lambda: self.statements(0), "statements are logged")

    def size(self):
        with open(self.log, "rb") as f:
            return f.seek(0, 2)

    def statements(self, since):
        """[(backend, text)]"""
        with open(self.log, errors="replace") as f:
            f.seek(since)
            return ENTRY.findall(f.read())

    def tables(self, sql):
        return [t for t in self.of if re.search(
            r"\b(?:FROM|INTO|UPDATE|JOIN|USING|,)\s+\"?%s\b" % t, sql)]

    def look(self, what, since):
        """By table, within the messages' transactions and outside."""
        inside, open_ = self.seen.setdefault(what, {}), set()
        outside = []
        for pid, sql in self.statements(since):
            if sql.startswith("BEGIN"):
                open_.add(pid)
            elif sql.startswith(("COMMIT", "ROLLBACK")) and " TO " not in sql:
                open_.discard(pid)
            for t in self.tables(sql):
                if pid in open_:
                    inside[t] = inside.get(t, 0) + 1
                else:
                    outside.append((t, sql))
        return inside, outside

    def judge(self, what, since):
        inside, outside = self.look(what, since)
        bad = [t for t in inside if self.of[t] == "site"]
        check(not bad, "%s: a message's transaction touches %r", what, bad)
        for t, sql in outside:
            check(t in HOUSE, "%s: %s is touched outside of a transaction: %s",
                  what, t, sql)

    def session(self, phone, what, items=()):
        """The login may look up whose device this is; all behind it may
        not."""
        s, began = phone.session(), self.size()
        s.send(self.ports[0], phone.begin(s))
        _, outside = self.look("logins", began)
        check(any(t == "login" for t, _ in outside),
              "the login asks nothing of the site: this sees nothing")
        began = self.size()
        answer = s.send(self.ports[1], s.sync(items))
        check(answer.http == 200, "HTTP %d", answer.http)
        phone.finish(s, self.ports[2])
        self.judge(what, began)

    def end(self):
        for what, seen in self.seen.items():
            print("  %s: %s" % (what, ", ".join(
                "%s %d" % (t, n) for t, n in sorted(seen.items()))))
        wrote = set().union(*self.seen.values())
        missed = {"account", "item", "revision", "map", "session"} - wrote
        check(not missed, "never touched: %r", missed)


def tables(site):
    site.add_user("anna", "geheim-anna")
    t = Tables(site)
    a, b = (Phone("tables-" + x, "anna", "geheim-anna") for x in "ab")
    names = ["Tisch%d" % i for i in range(ADDS)]
    t.session(a, "a first slow sync up", [
        ("Add", n, card(n)) for n in names])
    t.session(b, "a first slow sync down")
    t.session(a, "edits and deletions up", [
        ("Replace", n, card(n, title="neu")) for n in names[:10]] +
        [("Delete", n, "") for n in names[30:]])
    t.session(b, "the same down")
    t.session(a, "nothing to do")
    t.end()
