"""A mail is read, another deleted, a reply sent, and a daemon dies in the middle
of it: at the n-th piece of what is said between it and the servers."""

import os
import socket
import threading
import time

import mailphone
from dovecot import message
from stand import Between, Site, Sink, until


class One:
    """A daemon, which begins anew when it died."""

    def __init__(self, program, d, more):
        self.site = self.phones = Site(program, d, None, more).start()

    def victim(self, _user):
        return self.site

    def go_on(self, _user):
        self.site.kill()
        self.site.start()

    def close(self):
        self.site.stop()


class Two:
    """Two nodes on one database. The one that looks after the mailbox dies, and
    phones come to the other one."""

    def __init__(self, program, d, more, database):
        self.database = database
        os.makedirs(d.dir + "/keys")
        self.nodes = [
            Site(program, d, None, more + "node_name = node%d\nalarm_poll = 10\n" % i,
                 room="%s/node%d" % (d.dir, i),
                 store=database.uri("site", "listen=on"),
                 key=d.dir + "/keys/key").start() for i in range(2)]
        self.phones = self.nodes[0]
        self.took_over_s = []

    def holder(self, user):
        """The number of the node that has its bucket."""
        return int(self.database.sql(
            "SELECT right(n.name, 1) FROM lease l JOIN node n ON n.node_id = "
            "l.owner JOIN mail_login m ON l.name = 'mail/' || lpad(m.bucket::"
            "text, 2, '0') JOIN account a USING (account_id) WHERE l.until_ms "
            "> extract(epoch FROM clock_timestamp()) * 1000 AND "
            "convert_from(a.\"user\", 'UTF8') = '%s'" % user, "site") or -1)

    def shares(self):
        """How many nodes have mailboxes."""
        return int(self.database.sql(
            "SELECT count(DISTINCT owner) FROM lease WHERE name LIKE 'mail/%' "
            "AND until_ms > extract(epoch FROM clock_timestamp()) * 1000",
            "site"))

    def victim(self, user):
        at = until("a node has it", lambda: self.holder(user) + 1) - 1
        self.phones = self.nodes[1 - at]
        return self.nodes[at]

    def go_on(self, user):
        """The other one takes over by itself, when the lease has run out."""
        dead = [n for n in self.nodes if n is not self.phones][0]
        died = time.monotonic()
        dead.daemon.close()
        dead.daemon = None
        mine = self.nodes.index(self.phones)
        until("it is taken over", lambda: self.holder(user) == mine)
        self.took_over_s.append(time.monotonic() - died)

    def again(self):
        for n in self.nodes:
            if n.daemon is None:
                n.start()

    def close(self):
        for n in self.nodes:
            n.stop()


class Walk:
    def __init__(self, d, program, what, *more):
        self.d, self.sink, self.lock = d, Sink(), threading.Lock()
        self.n, self.last, self.dead, self.said = 0, None, False, ()
        self.victim, self.doubts = None, []
        self.smtp = Between(self.sink.port, self.event)
        self.imap = Between(d.port, self.event)
        self.world = what(program, d, (
            "smtp_server = 127.0.0.1:%d\nsmtp_tls = none\n"
            "smtp_from = sync@example.org\nimap_port = %d\n"
            "imap_security = none\n" % (self.smtp.port, self.imap.port)),
            *more)

    def event(self, way, piece):
        """Each piece that is said to a server, or by it: one of them is the
        last."""
        with self.lock:
            if self.last is None or self.dead:
                return
            self.n += 1
            if self.n == self.last:
                self.dead = True
                self.said = way, piece[:40]
                self.victim.daemon.proc.kill()

    def close(self):
        self.world.close()
        for c in (self.smtp, self.imap, self.sink):
            c.close()

    def killed_at(self, n):
        """False: it was over before that."""
        user = "u%d" % n
        self.n, self.last, self.dead = 0, None, False
        self.sink.mails.clear()
        for s in ("one", "two"):
            self.d.deliver(user, message(s))
        site = self.world.phones
        phone = site.user(user)
        until("the first look", lambda: site.state(user) == "ok")
        self.victim = self.world.victim(user)
        site = self.world.phones
        phone.sync(site.port)
        assert phone.subjects() == ["one", "two"], phone.got
        out = site.phone(user, db="mail/Outbox")
        out.sync(site.port)
        self.last = n
        self.d.deliver(user, message("three"))
        try:
            phone.sync(site.port, [
                ("Replace", phone.luid("one"), mailphone.flags(read=True)),
                ("Delete", phone.luid("two"))])
            self.reply(site, out, n)
        except (OSError, mailphone.cards.http.client.HTTPException):
            pass
        self.settle(site, user)
        with self.lock:
            self.last = None  # what is said now is of another matter
        if self.dead:
            self.world.go_on(user)
            site = self.world.phones
            # What the phone could not say it says again.
            phone = self.again(site, user, phone, out, n)
            until("it is settled", lambda: self.settled(site, user))
        self.judge(site, user, phone, n)
        return self.dead

    @staticmethod
    def reply(site, out, n):
        out.sync(site.port, [("Add", "o1", mailphone.letter(
            "To: bob@example.org\r\nSubject: reply\r\n"
            "Message-ID: <k%d@example.org>\r\n\r\nHi\r\n" % n))])

    @staticmethod
    def settled(site, user):
        rows = site.done(user)
        return (len(rows) >= 4 or any(r["state"] == "failed" for r in rows)) \
            and all(r["state"] in ("done", "failed") for r in rows)

    def settle(self, site, user):
        until("it is settled or dead",
              lambda: self.dead or self.settled(site, user))

    def again(self, site, user, phone, out, n):
        phone.anchor, phone.got = "", {}
        phone.sync(site.port)
        ops = []
        if "two" in phone.subjects():
            ops.append(("Delete", phone.luid("two")))
        ops.append(("Replace", phone.luid("one"), mailphone.flags(read=True)))
        phone.sync(site.port, ops)
        if not any(r["what"] == "send" for r in site.done(user)):
            out.anchor = ""
            self.reply(site, out, n)
        return phone

    def judge(self, site, user, phone, n):
        d, told = self.d, (n, self.said)
        until("read at the server",
              lambda: d.mails(user).get("one") == {"\\Seen"})
        until("deleted at the server", lambda: "two" not in d.mails(user))
        assert list(d.mails(user, "Trash")) == ["two"], told
        (send,) = [r for r in site.done(user) if r["what"] == "send"]
        if send["state"] == "failed":
            assert "not known" in send["reason"], send
            assert len(self.sink.mails) <= 1, told
            self.doubts.append((n, len(self.sink.mails)) + self.said)
        else:
            assert len(self.sink.mails) == 1, told
            until("filed", lambda: "reply" in d.mails(user, "Sent"))
            c = d.client(user)
            said = c.status("Sent", "(MESSAGES)")[1]
            assert said == [b"Sent (MESSAGES 1)"], (told, said)

        def synced():
            phone.sync(site.port)
            return phone.subjects() == ["one", "three"]
        try:
            until("the phone has them", synced)
        except AssertionError:
            raise AssertionError("killed at %r: %r, and the server %r" % (
                told, phone.got, d.mails(user)))
