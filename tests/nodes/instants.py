"""What meets at one instant on different nodes, and what nodes know of an
address."""

import re
import threading

from cluster import check, until
from harness import same
from phone import Phone, Session, card, post


TRIES = 40
# Five are free; while a node has not heard of the others' yet, a few more.
FREE = 10


def at_once(*calls):
    """All in the same instant; their results in order."""
    gate = threading.Barrier(len(calls))
    out = [None] * len(calls)

    def one(i):
        gate.wait()
        try:
            out[i] = calls[i]()
        except Exception as e:
            out[i] = e

    threads = [threading.Thread(target=one, args=(i,))
               for i in range(len(calls))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for r in out:
        if isinstance(r, Exception):
            raise r
    return out


class Pairs:
    def __init__(self, site):
        site.add_user("anna", "geheim-anna")
        self.site = site
        self.ports = [n.port for n in site.nodes]
        self.a = Phone("pair-a", "anna", "geheim-anna")
        self.b = Phone("pair-b", "anna", "geheim-anna")
        self.said = {}
        self.round = 0

    def other(self, i):
        """The ports, from the i-th node on: rounds go through all pairs."""
        i += self.round
        return self.ports[i % 3:] + self.ports[:i % 3]

    def items(self):
        return int(self.site.sql("SELECT count(*) FROM item "
                                 "WHERE deleted = 0"))

    def note(self, what, codes):
        key = what, tuple(sorted(codes))
        self.said[key] = self.said.get(key, 0) + 1

    def two_sessions(self):
        """Of one device: the later one ends the other; what both send is
        there once."""
        was, name = self.items(), "Zwei%d" % self.round
        s = self.a.session(), self.a.session()
        m = [self.a.begin(x) for x in s]
        p = self.other(0)
        at_once(lambda: s[0].send(p[0], m[0]), lambda: s[1].send(p[1], m[1]))
        m = [x.sync([("Add", name, card(name))]) for x in s]
        r = at_once(lambda: s[0].send(p[1], m[0]),
                    lambda: s[1].send(p[2], m[1]))
        codes = [x.statuses("Add") for x in r]
        self.note("two sessions of one device", [x[0] for x in codes])
        same("one goes on, one is told that it is over", sorted(codes),
             [["201"], ["408"]])
        same("items", self.items(), was + 1)
        alive = s[codes.index(["201"])]
        self.a.finish(alive, p[0])
        self.a.anchor = "n%d" % alive.sid

    def one_message_twice(self):
        """A message that is sent again while the first one is at work: done
        once, answered twice, by the same bytes."""
        was, name = self.items(), "Doppelt%d" % self.round
        p = self.other(1)
        s = self.a.session()
        s.send(p[0], self.a.begin(s))
        m = s.sync([("Add", name, card(name))])
        r = at_once(*(lambda port=port: post(port, s.path, m) for port in p))
        same("answers", len({x.body for x in r}), 1)
        same("status of the Add", r[0].statuses("Add"), ["201"])
        same("items", self.items(), was + 1)
        self.note("one message at three nodes", r[0].statuses("Add"))
        s.take(r[0])
        self.a.finish(s, p[2])

    def both(self, items_a, items_b):
        """Whole syncs of both devices, message by message at one instant on
        different nodes; the codes that each was given."""
        p = self.other(2)
        phones, items = (self.a, self.b), (items_a, items_b)
        s = [x.session() for x in phones]
        m = [x.begin(y) for x, y in zip(phones, s)]
        at_once(*(lambda i=i: s[i].send(p[i], m[i]) for i in (0, 1)))
        m = [y.sync(x) for x, y in zip(items, s)]
        r = at_once(*(lambda i=i: s[i].send(p[i + 1], m[i]) for i in (0, 1)))
        at_once(*(lambda i=i: phones[i].finish(s[i], p[i]) for i in (0, 1)))
        return [x.statuses(items_a[0][0])[0] for x in r]

    def two_devices(self):
        """What each adds, the other one gets."""
        names = ["Von%s%d" % (x, self.round) for x in "AB"]
        codes = self.both(*([("Add", n, card(n))] for n in names))
        self.note("two devices add", codes)
        same("both were taken", codes, ["201", "201"])
        self.a.sync(self.other(0))
        self.b.sync(self.other(1))
        for phone, name in ((self.a, names[1]), (self.b, names[0])):
            hits = [t for t in phone.got.values() if "N:%s;" % name in t]
            same("%s at %s" % (name, phone.dev), len(hits), 1)

    def one_contact(self):
        """Both edit one contact: nothing of it is lost. Different properties
        are merged; of one property one edit wins, on both devices."""
        name = "Streit%d" % self.round
        self.a.sync(self.other(0), [("Add", "st%d" % self.round, card(name))])
        self.a.got["st%d" % self.round] = card(name)
        self.b.sync(self.other(1))
        luids = [next(k for k, t in x.got.items() if "N:%s;" % name in t)
                 for x in (self.a, self.b)]
        tel, title = "77%d" % self.round, "chief %d" % self.round
        if self.round % 2:
            edits = card(name, tel=tel), card(name, title=title)
        else:
            edits = card(name, title=title), card(name, title=title + "b")
        codes = self.both(*([("Replace", k, t)] for k, t in zip(luids, edits)))
        self.note("two devices edit %s of one contact" % (
            "different properties" if self.round % 2 else "one property"),
            codes)
        check("200" in codes and set(codes) <= {"200", "207", "208"},
              "statuses %r", codes)
        for _ in range(2):
            self.a.sync(self.other(1))
            self.b.sync(self.other(2))
        self.compare(name, tel, title)

    def compare(self, name, tel, title):
        have = self.site.sql(
            "SELECT convert_from(r.body, 'UTF8') FROM item i JOIN revision r "
            "USING (account_id, item_id) WHERE i.revision = r.revision AND "
            "convert_from(r.body, 'UTF8') LIKE '%" + name + ";%'")
        same("contacts of that name", have.count("BEGIN:VCARD"), 1)
        if self.round % 2:
            check(tel in have and title in have, "an edit is lost: %s", have)
        else:
            check(title in have, "no edit won: %s", have)


def pairs(site, rounds):
    p = Pairs(site)
    p.a.sync(p.ports)
    p.b.sync(p.ports)
    for p.round in range(rounds):
        p.two_sessions()
        p.one_message_twice()
        p.two_devices()
        p.one_contact()
    for (what, codes), n in sorted(p.said.items()):
        print("  %s: %d times %s" % (what, n, " and ".join(codes)))
    same("deadlocks", site.deadlocks(), 0)


def address(site):
    """Nodes count wrong passwords together, by the address that the balancer
    names; and devices come back to where they went."""
    site.add_user("anna", "geheim-anna")
    good = Phone("addr-good", "anna", "geheim-anna")
    good.sync([site.port])

    def tries(source, dev, password="falsch"):
        s = Session(dev, 1, "anna", password)
        a = post(site.port, "/sync", s.alert(201, "", "n1"), source)
        check(a.http == 200, "HTTP %d", a.http)
        return a

    seen = tries("127.0.0.7", "addr-uri", "geheim-anna")
    same("where the device is sent", seen.uri().split("?")[0],
         "http://127.0.0.1:%d/sync" % site.port)
    # What a client says of itself is not believed.
    s = Session("addr-liar", 1, "anna", "falsch")
    post(site.port, "/sync", s.alert(201, "", "n1"), "127.0.0.8",
         {"X-Forwarded-For": "127.0.0.9", "X-Forwarded-Host": "evil.example"})
    nodes = [open(n.log_path).read() for n in site.nodes]
    check(any("peer=127.0.0.8" in t for t in nodes) and
          not any("127.0.0.9" in t for t in nodes),
          "the wrong address is in the log")
    check(sum("peer=127.0.0.7" in t for t in nodes) == 1, "peer 127.0.0.7")

    held = guess(site, tries)
    print("  wrong passwords by one address at all nodes: held up after %d"
          % held)
    # Who has logged in from his address before is not held up by another's.
    codes = good.sync([site.port], [("Add", "1", card("Gut"))])
    same("the phone with the right password", codes["Add"], ["201"])


def held_up(site):
    """At each node: how many were refused without a look at the password."""
    return [len(re.findall(r"event=login-refused peer=127\.0\.0\.6 .*too many",
                           open(n.log_path).read())) for n in site.nodes]


def wrong_tries(site):
    return int(site.sql("SELECT coalesce(sum(fails), 0)::bigint "
                        "FROM throttle"))


def guess(site, tries):
    """Five are free for an address, wherever they arrive; one node alone
    would see a third of them. Returns how many came before a delay."""
    def counted_or_held(was, held):
        return wrong_tries(site) > was or sum(held_up(site)) > held

    for i in range(TRIES):
        was, held = wrong_tries(site), sum(held_up(site))
        same("answer", tries("127.0.0.6", "guess-%d" % i).statuses("SyncHdr"),
             ["401"])
        until(lambda: counted_or_held(was, held), "the try is counted")
        if min(held_up(site)) > 0:
            break
    held = held_up(site)
    check(min(held) > 0, "held up at the nodes: %r", held)
    free = i + 1 - sum(held)
    check(free <= FREE, "%d tries were let through", free)
    return free
