#!/usr/bin/env python3
"""Our reader of messages beside Python's: subjects, addresses, ids, dates, and
names, types and sizes of attachments of made-up mails, whole and damaged.

    mime.py FACTS [N [SEED]]

Exit status 1: they differ where no reason is known; the mail is printed.
"""

import base64
import email
import email.header
import email.policy
import email.utils
import quopri
import random
import re
import subprocess
import sys

WORDS = ["Hello", "Grüße", "日本語", "Привет", "naïve", "x", "a_b=c?", "100%",
         "Re:", "[list]", "tab", "\"quoted\"", "=?", "😀", "Łódź"]
CHARSETS = ["utf-8", "iso-8859-1", "iso-8859-15", "windows-1252", "koi8-r",
            "windows-1251", "shift_jis", "euc-jp", "gb2312", "us-ascii"]
TYPES = ["image/jpeg", "application/pdf", "text/plain", "text/html",
         "text/calendar", "application/octet-stream", "Application/X-Thing"]
ZONES = ["+0000", "-0700", "+0530", "GMT", "UT", "EST", "PDT", "+0200 (CEST)",
         "-0000"]


class Maker:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.eol = self.r.choice(["\r\n", "\r\n", "\n"])

    def words(self, most=6):
        return " ".join(self.r.choice(WORDS)
                        for _ in range(self.r.randint(0, most)))

    def encoded(self, text):
        """As one mail program or another writes it."""
        charset = self.r.choice(CHARSETS)
        try:
            raw = text.encode(charset)
        except UnicodeError:
            charset, raw = "utf-8", text.encode()
        out = []
        while raw:
            # Few split a character; some do.
            n = self.r.randint(1, 40)
            piece = raw[:n]
            if charset != "utf-8" or self.r.random() < 0.9:
                while n <= len(raw):
                    try:
                        piece.decode(charset)
                        break
                    except UnicodeError:
                        n += 1
                        piece = raw[:n]
            raw = raw[len(piece):]
            if self.r.random() < 0.5:
                word = "B?" + base64.b64encode(piece).decode()
            else:
                word = "Q?" + "".join(
                    chr(c) if 48 <= c < 58 or 65 <= c < 91 or 97 <= c < 123
                    else "_" if c == 32 else "=%02X" % c for c in piece)
            out.append("=?%s?%s?=" % (
                self.r.choice([charset, charset.upper()]), word))
        return self.r.choice([" ", self.eol + " ", self.eol + "\t"]).join(out)

    def text(self, most=6):
        text = self.words(most)
        if all(c < "\x7f" for c in text) and "=?" not in text and \
                self.r.random() < 0.8:
            return self.fold(text)
        return self.encoded(text)

    def fold(self, text):
        return "".join(self.eol + " " if c == " " and self.r.random() < 0.1
                       else c for c in text)

    def address(self):
        at = "%s%d@%s" % (self.r.choice(["bob", "a.b", "X-y_z", "o'brien"]),
                          self.r.randint(0, 99),
                          self.r.choice(["example.org", "Sub.Example.NET"]))
        how = self.r.randint(0, 4)
        if how == 0:
            return at
        if how == 1:
            return "<%s>" % at
        if how == 2:
            return "\"%s\" <%s>" % (self.r.choice(
                ["Doe, John", "a \\\" b", "x@y", "<z>", ""]), at)
        if how == 3:
            return "%s (%s)" % (at, self.r.choice(["home", "a (b) c"]))
        return "%s <%s>" % (self.encoded(self.words(2) or "Bob"), at)

    def date(self):
        day = self.r.randint(2 ** 26, 2 ** 32)
        text = email.utils.formatdate(day, usegmt=True)[:-3]
        if self.r.random() < 0.2:
            text = text[5:]
        return text + self.r.choice(ZONES)

    def filename(self):
        """The parameter of a name, in one of the ways there are."""
        name = (self.words(2).replace("\"", "") or "f") + ".txt"
        plain = all(" " <= c < "\x7f" for c in name)
        how = self.r.randint(0, 3)
        if how == 0 and plain:
            return "filename=\"%s\"" % name
        if how == 1 and plain:
            return "filename=\"%s\"" % name.replace("x", "\\\"x\\\\")
        if how == 2:
            return "filename=\"%s\"" % self.encoded(name).replace(
                self.eol, "")
        quoted = "".join(chr(c) if 48 <= c < 58 or 97 <= c < 123
                         else "%%%02X" % c for c in name.encode())
        if self.r.random() < 0.5:
            return "filename*=utf-8''" + quoted
        cut = quoted.find("%", 8)
        cut = len(quoted) if cut < 0 else cut
        return ("filename*0*=utf-8''%s;%s filename*1*=%s" % (
            quoted[:cut], self.eol, quoted[cut:]))

    def leaf(self):
        body = self.r.randbytes(self.r.randint(0, 200))
        kind = self.r.choice(TYPES)
        head = "Content-Type: %s" % kind
        if kind.startswith("text/"):
            head += "; charset=%s" % self.r.choice(CHARSETS)
        place = self.r.choice(["attachment", "inline", ""])
        if place:
            head += self.eol + "Content-Disposition: " + place
            if self.r.random() < 0.7:
                head += ";" + self.r.choice([" ", self.eol + "\t"]) + \
                    self.filename()
        how = self.r.choice(["base64", "quoted-printable", "7bit", "8bit", ""])
        text = "".join(self.r.choice("abc =\t.") for _ in range(100)) + "."
        if how == "base64":
            text = base64.encodebytes(body).decode()
            text = text.replace("\n", self.eol)
        elif how == "quoted-printable":
            body = body.replace(b"\r", b"").replace(b"\n", b"")
            text = quopri.encodestring(body, True).decode()
            text = text.replace("\n", self.eol)
        if how:
            head += self.eol + "Content-Transfer-Encoding: " + \
                self.r.choice([how, how.upper()])
        return head + self.eol * 2 + text

    def part(self, depth=0):
        if depth > 2 or self.r.random() < 0.5:
            return self.leaf()
        mark = "=_%d.%s" % (depth, "".join(
            self.r.choice("abc'()+_,-./:=?") for _ in range(10)) + "x")
        out = "Content-Type: multipart/%s;%s boundary=\"%s\"" % (
            self.r.choice(["mixed", "alternative", "related"]),
            self.r.choice(["", self.eol]), mark) + self.eol * 2
        if self.r.random() < 0.3:
            out += "This is a multi-part message." + self.eol
        for _ in range(self.r.randint(1, 3)):
            out += "--" + mark + self.r.choice(["", "", " "]) + self.eol + \
                self.part(depth + 1) + self.eol
        return out + "--" + mark + "--" + self.eol

    def mail(self):
        fields = [
            "From: " + self.address(),
            "To: " + ("," + self.r.choice(["", " ", self.eol + " "])).join(
                self.address() for _ in range(self.r.randint(1, 4))),
            "Subject: " + self.text(),
            "Date: " + self.date(),
            "Message-ID: <%d.x@example.org>" % self.r.getrandbits(60),
            "X-Other: " + self.text(20),
            "MIME-Version: 1.0",
        ]
        self.r.shuffle(fields)
        if self.r.random() < 0.1:
            fields.pop()
        return (self.eol.join(fields) + self.eol + self.part()).encode()

    def damaged(self):
        """The kind of damage, the mail, and where it begins."""
        m = self.mail()
        at = self.r.randrange(len(m))
        if self.r.random() < 0.5:  # the header is a small part of it
            at = self.r.randrange(m.find((self.eol * 2).encode()))
        kind, new = self.r.choice([
            ("cut", m[:at]),
            ("byte", m[:at] + self.r.randbytes(1) + m[at + 1:]),
            ("line", m[:at] + m[m.find(b"\n", at) + 1:]),
            ("nul", m[:at] + b"\0" + m[at:]),
            ("eight", m[:at] + b"\xe4\xf6" + m[at:]),
            ("twice", m[:at] + m[at // 2:]),
            ("blank", m[:at] + b"\r\n\r\n" + m[at:]),
            ("ends", m.replace(b"\r\n", b"\n", self.r.randint(1, 20))),
        ])
        return kind, new, len(m) if kind == "ends" else at


# ---- Python's view -----------------------------------------------------------

def header(m, name):
    try:
        return m.get(name)
    except Exception:  # its parser gives up on some
        return None


def attached(part):
    kind = part.get_content_type()
    name = part.get_filename()
    place = (part.get_content_disposition() or "")
    return place == "attachment" or name or not kind.startswith("text/")


def leaves(m):
    if m.get_content_maintype() == "multipart" and m.is_multipart():
        for p in m.get_payload():
            yield from leaves(p)
    else:
        yield m


def facts(raw):
    m = email.message_from_bytes(raw, policy=email.policy.default)
    old = email.message_from_bytes(raw, policy=email.policy.compat32)
    out = {"subject": str(header(m, "Subject") or ""),
           "from": "", "date": "0",
           "to": email.utils.getaddresses([str(old.get("To") or "")]),
           "id": str(old.get("Message-ID") or "").strip().strip("<>")}
    adr = email.utils.getaddresses([str(old.get("From") or "")])
    if adr:
        out["from"] = adr[0][1].lower()
    try:
        t = email.utils.parsedate_tz(str(old.get("Date") or ""))
        if t:
            out["date"] = str(email.utils.mktime_tz(t) * 1000)
    except (ValueError, OverflowError):
        pass
    out["attached"] = []
    for p in leaves(m):
        try:
            if attached(p):
                body = p.get_payload(decode=True)
                if body is None:
                    body = p.get_payload(0).as_bytes()
                out["attached"].append((p.get_filename() or "",
                                        p.get_content_type(), len(body)))
        except Exception as e:
            out["attached"].append(("?%r" % e, "", 0))
    return out


# ---- ours --------------------------------------------------------------------

class Ours:
    def __init__(self, program):
        self.p = subprocess.Popen([program], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)

    def __call__(self, raw):
        self.p.stdin.write(b"%d\n" % len(raw) + raw)
        self.p.stdin.flush()
        out = {"attached": []}
        one = []
        while True:
            line = self.p.stdout.readline().decode().rstrip("\n")
            if line == "end":
                return out
            if not line:
                raise SystemExit("it ended: %d" % self.p.wait())
            what, value = line.split("\t")
            value = bytes.fromhex(value).decode()
            if what in ("name", "type", "size"):
                one.append(int(value) if what == "size" else value)
                if what == "size":
                    out["attached"].append(tuple(one))
                    one = []
            else:
                out[what] = value

    def close(self):
        self.p.stdin.close()
        if self.p.wait() != 0:
            raise SystemExit("it ended badly")


def differ(ours, theirs):
    found = [(k, ours[k], theirs[k])
             for k in ("subject", "from", "id", "date", "attached")
             if ours[k] != theirs[k]]
    # With names decoded in it: commas in them are not told from others.
    left = ours["to"].lower()
    for _, address in theirs["to"]:
        at = left.find(address.lower())
        if at < 0:
            return found + [("to", ours["to"], theirs["to"])]
        left = left[at + len(address):]
    return found


def explained(kind, at, raw, what):
    """What the damage touched may be read in more than one way."""
    if kind in ("whole", "ends"):
        return False
    head = re.search(rb"\r?\n\r?\n", raw)
    return what == "attached" or head is None or at <= head.end()


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    n = int(sys.argv[2]) if len(sys.argv) > 2 else 400
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    ours = Ours(sys.argv[1])
    bad, count = 0, {}
    for i in range(seed, seed + n):
        m = Maker(i)
        kind, raw, at = ("whole", m.mail(), 0) if i % 2 else m.damaged()
        got = ours(raw)
        for what, a, b in differ(got, facts(raw)):
            if explained(kind, at, raw, what):
                count[kind] = count.get(kind, 0) + 1
                continue
            bad += 1
            if bad < 10:
                print("%d %s %s\n  ours   %r\n  theirs %r\n%r" % (
                    i, kind, what, a, b, raw))
    ours.close()
    print("%d mails, half of them damaged: %d facts differ, and %d where the "
          "damage is: %s" % (n, bad, sum(count.values()), count))
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
