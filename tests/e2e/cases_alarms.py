"""From an event on a phone to the pop-up in a messenger, and back: SyncEvolution,
the daemon, Prosody, and a client of libstrophe."""

import math
import os
import sys
import time

from harness import Failure, check, same, until

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)),
                             "..", "xmpp"))
import prosody  # noqa: E402
from lines import Client  # noqa: E402

ALARM = "{urn:funicular:alarm:1}alarm"
BODY = "{jabber:client}body"
SENDER = "reminder@" + prosody.COMPONENT
LIMIT_S = 30
SNOOZE_S = 60  # to the next full minute, that many at most

server = None
program = None


def setup(args, room):
    """Prosody for the group; what the daemon has to know of it."""
    global server, program
    program = args.xmpp_client
    server = prosody.Prosody().start()
    secret = os.path.join(room, "component.secret")
    with open(secret, "w") as f:
        f.write(prosody.SECRET + "\n")
    os.chmod(secret, 0o600)
    return {"xmpp_jid": SENDER, "xmpp_component": "yes",
            "xmpp_server": "127.0.0.1:%d" % server.component_port,
            "xmpp_secret_file": secret}


def teardown():
    server.close()


def messenger(c, user="alice"):
    jid = "%s@%s" % (user, prosody.DOMAIN)
    c.site.command("user", "set", c.user, "jid", jid)
    return Client(program, jid + "/pc", prosody.PASSWORD, server.port,
                  server.ca)


def utc(seconds):
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))


def event(title, due, start):
    return "\r\n".join((
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//e2e//alarms//EN",
        "BEGIN:VEVENT", "UID:%s@example.org" % title.replace(" ", "-"),
        "DTSTAMP:" + utc(start - 86400), "SUMMARY:" + title,
        "LOCATION:Main St 4", "DTSTART:" + utc(start),
        "DTEND:" + utc(start + 1800), "BEGIN:VALARM", "ACTION:DISPLAY",
        "DESCRIPTION:" + title, "TRIGGER;VALUE=DATE-TIME:" + utc(due),
        "END:VALARM", "END:VEVENT", "END:VCALENDAR", ""))


def say(alice, text, about, ident):
    alice.say("<message type='chat' id='%s' to='%s'><thread>%s</thread>"
              "<body>%s</body></message>" % (ident, SENDER, about, text))


def popup(alice, title, limit=LIMIT_S):
    return alice.stanza(lambda e: e.find(ALARM) is not None and
                        title in e.find(BODY).text, limit)


def put(c, phone, title):
    """The instant of its alarm; the phone has synced it by then: so far ahead
    that it could do so twice."""
    began = time.monotonic()
    phone.sync(dbs=["calendar"])
    ahead = math.ceil(2 * (time.monotonic() - began)) + 2
    due = int(time.time()) + ahead
    phone.put("calendar", "e-" + title.replace(" ", "-"),
              event(title, due, due + 600))
    phone.sync(dbs=["calendar"])
    check(time.time() < due, "this machine is too slow for the test")
    return due


def told(phone, line):
    """What the last sync brought, as SyncEvolution's own protocol shows it: its
    items drop what its engine has no field for, RFC 9074's ACKNOWLEDGED too."""
    for at, _, files in os.walk(phone.log):
        for name in files:
            if name.endswith("_incoming.xml"):
                with open(os.path.join(at, name), errors="replace") as f:
                    if line in f.read():
                        return
    raise Failure("%s did not come, see %s" % (line, phone.log))


def settled(c, wanted):
    """All that was queued for the account, once the states are as wanted."""
    def look():
        rows = c.site.json("alarm", "sent", c.user)
        return rows if sorted(r["state"] for r in rows) == wanted else None
    return until(look, "deliveries %r, see funicular alarm sent %s" % (
        wanted, c.user))


def there_and_back(c):
    alice = messenger(c)
    c.site.command("user", "set", c.user, "--zone", "UTC")
    phone = c.phone("a", dbs=["calendar"])
    due = put(c, phone, "Dentist")
    m = popup(alice, "Dentist")
    late = time.time() - due
    check(-0.1 < late < 5, "the pop-up was %.2f s late", late)
    print("  the pop-up was %.2f s late" % late)
    a = m.find(ALARM)
    same("due", a.get("due"), time.strftime("%Y-%m-%dT%H:%M:%SZ",
                                            time.gmtime(due)))
    same("summary", a.find("{urn:funicular:alarm:1}summary").text, "Dentist")
    same("uid", a.get("uid"), "Dentist@example.org")

    # Again at the next minute: written into the item, so the phone learns it.
    until(lambda: time.time() % 60 < 50, "a minute that is not over")
    again = int(time.time()) // 60 * 60 + 60
    say(alice, time.strftime("%H:%M", time.gmtime(again)), m.get("id"), "r1")
    alice.message(text="Dentist")
    phone.sync(dbs=["calendar"], moved={"calendar": {"local-updated": 1}})
    m = popup(alice, "Dentist", SNOOZE_S + LIMIT_S)
    check(time.time() > again - 1, "it came again too early")

    say(alice, "ok", m.get("id"), "r2")
    alice.message(text="Done")
    phone.sync(dbs=["calendar"], moved={"calendar": {"local-updated": 1}})
    told(phone, "ACKNOWLEDGED:")
    c.history("calendar", "ACKNOWLEDGED:")
    settled(c, ["receipt", "receipt"])
    same("reminders to come", c.site.json("alarm", "list", c.user), [])
    alice.close()


def by_command(c):
    """Dismissed by an ad-hoc command; by nobody else."""
    alice = messenger(c)
    bob = Client(program, "bob@example.org/pc", prosody.PASSWORD, server.port,
                 server.ca)
    phone = c.phone("a", dbs=["calendar"])
    put(c, phone, "Meeting")
    popup(alice, "Meeting")
    iq = ("<iq type='set' id='c1' to='%s'><command xmlns='http://jabber.org/"
          "protocol/commands' node='dismiss'/></iq>" % SENDER)
    bob.say(iq)
    same("bob's answer", bob.iq("c1").get("type"), "error")
    alice.say(iq)
    done = alice.iq("c1")
    same("alice's answer", done.get("type"), "result")
    check("Meeting" in "".join(done.itertext()), "what was dismissed?")
    phone.sync(dbs=["calendar"], moved={"calendar": {"local-updated": 1}})
    told(phone, "ACKNOWLEDGED:")
    c.history("calendar", "ACKNOWLEDGED:")
    alice.close()
    bob.close()


def nobody_there(c):
    """The user is offline, then the server is away: it comes, once."""
    alice = messenger(c)
    alice.close()
    phone = c.phone("a", dbs=["calendar"])
    put(c, phone, "While offline")
    settled(c, ["sent"])
    alice = messenger(c)
    m = popup(alice, "While offline")
    check(m.find("{urn:xmpp:delay}delay") is not None, "no mark of the delay")
    settled(c, ["receipt"])
    server.kill()
    due = put(c, phone, "Server away")
    until(lambda: time.time() > due + 1, "its time")
    alice.close()
    server.start()
    alice = messenger(c)
    m = popup(alice, "Server away")
    settled(c, ["receipt", "receipt"])
    same("pop-ups", alice.count(lambda x: "<alarm" in x and
                                "Server away" in x), 1)
    alice.close()


def daemon_killed(c):
    """Down when it was due: late, said so, and once."""
    alice = messenger(c)
    phone = c.phone("a", dbs=["calendar"])
    due = put(c, phone, "After the crash")
    c.site.stop(9)
    until(lambda: time.time() > due + 1, "its time")
    c.site.start()
    popup(alice, "After the crash")
    settled(c, ["receipt"])
    c.site.restart()
    c.site.command("alarm", "test", c.user)
    alice.message(text="est")
    same("pop-ups", alice.count(lambda x: "<alarm" in x and
                                "After the crash" in x), 1)
    alice.close()


def alone(case):
    """An address belongs to one account: it is given back."""
    def run(c):
        try:
            case(c)
        finally:
            c.site.command("user", "set", c.user, "jid", "")
    return run


def cases():
    return [(f.__name__, alone(f)) for f in (there_and_back, by_command,
                                             nobody_there, daemon_killed)]
