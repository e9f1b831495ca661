"""Items of the end-to-end tests, and a comparison that is fair to both sides.

Two items are the same here when a person would see the same fields: line
folding, the order of properties, time stamps of the writing program, defaults
written out, and empty properties do not count. Everything else does.
"""

import datetime
import re
import zoneinfo

# What the writing program adds by itself.
OWN_TO_WRITER = {
    "PRODID", "REV", "VERSION", "DTSTAMP", "LAST-MODIFIED", "CREATED",
    "CALSCALE", "METHOD", "SEQUENCE", "X-GENDER", "X-MOZILLA-HTML",
    "X-EVOLUTION-FILE-AS",
}
STRUCTURED = {"N", "ORG", "ADR", "GEO"}
LISTS = {"CATEGORIES", "NICKNAME", "RESOURCES"}
INSTANTS = {"DTSTART", "DTEND", "DUE", "COMPLETED", "RECURRENCE-ID"}
# What a value means without the parameter.
PLAIN_TYPES = {"VOICE", "INTERNET", "PREF"}


def unfold(text):
    return re.sub(r"\r?\n[ \t]", "", text).replace("\r\n", "\n").split("\n")


def split_unescaped(text, sep):
    parts, part, i = [], "", 0
    while i < len(text):
        if text[i] == "\\" and i + 1 < len(text):
            part += text[i:i + 2]
            i += 2
            continue
        if text[i] == sep:
            parts.append(part)
            part = ""
        else:
            part += text[i]
        i += 1
    return parts + [part]


def unescape(text):
    text = re.sub(r"\\([nN\\,;:])",
                  lambda m: "\n" if m[1] in "nN" else m[1], text)
    return text.replace("\r\n", "\n")


def parse_line(line):
    """'TEL;TYPE=WORK,CELL:1' -> ('TEL', {'TYPE': ['WORK', 'CELL']}, '1')"""
    m = re.match(r'((?:[^":]|"[^"]*")*):(.*)$', line, re.S)
    if not m:
        raise ValueError("no property: %r" % line)
    head = re.findall(r'(?:[^";]|"[^"]*")+', m[1])
    params = {}
    for p in head[1:]:
        key, _, value = p.partition("=")
        if not value:
            key, value = "TYPE", key
        params.setdefault(key.upper(), []).extend(
            v.strip('"') for v in value.split(","))
    return head[0].split(".")[-1].upper(), params, m[2]


def parse(text):
    """Nested lists: [name, [(property, params, value)...], [components...]]"""
    root = ["", [], []]
    stack = [root]
    for line in unfold(text):
        if not line.strip():
            continue
        name, params, value = parse_line(line)
        if name == "BEGIN":
            comp = [value.strip().upper(), [], []]
            stack[-1][2].append(comp)
            stack.append(comp)
        elif name == "END":
            stack.pop()
        else:
            stack[-1][1].append((name, params, value))
    return root


def instant(params, value):
    """A time as an instant; a date stays a date, local time stays local."""
    if re.fullmatch(r"\d{8}", value):
        return "date " + value
    t = datetime.datetime.strptime(value.rstrip("Z"), "%Y%m%dT%H%M%S")
    if value.endswith("Z"):
        return "utc " + t.strftime("%Y%m%dT%H%M%S")
    zone = params.get("TZID", [None])[0]
    if zone is None:
        return "floating " + value
    t = t.replace(tzinfo=zoneinfo.ZoneInfo(zone))
    return "utc " + t.astimezone(datetime.timezone.utc).strftime(
        "%Y%m%dT%H%M%S")


def rule(value):
    parts = dict(p.split("=", 1) for p in value.upper().split(";"))
    if parts.get("INTERVAL") == "1":
        del parts["INTERVAL"]
    parts.pop("WKST", None)
    return ";".join("%s=%s" % kv for kv in sorted(parts.items()))


def normal_property(name, params, value):
    """-> (name, parameters that count, value), or None if nothing is said."""
    if not value.strip():
        return None
    types = {t.upper() for t in params.get("TYPE", [])} - PLAIN_TYPES
    if name in INSTANTS:
        return name, "", instant(params, value)
    if name == "EXDATE":
        return name, "", ",".join(sorted(instant(params, v)
                                         for v in value.split(",")))
    if name in ("BDAY", "ANNIVERSARY"):
        return name, "", value.replace("-", "")[:8]
    if name in ("PHOTO", "LOGO", "KEY", "SOUND"):
        data = re.sub(r"\s", "", value)
        return (name, "", data) if data else None
    if name == "RRULE":
        return name, "", rule(value)
    if name == "TRIGGER":
        return name, params.get("RELATED", ["START"])[0], value
    if name == "ATTENDEE":
        return name, params.get("PARTSTAT", [""])[0], value.lower()
    if name == "ORGANIZER":
        return name, "", value.lower()
    if name == "GEO":  # vCard 2.1 divides by a comma
        value = value.replace("\\,", ";").replace(",", ";")
    if name in STRUCTURED:
        fields = [unescape(f).strip() for f in split_unescaped(value, ";")]
        while fields and not fields[-1]:
            fields.pop()
        value = "|".join(fields)
    elif name in LISTS:
        value = "|".join(sorted(unescape(v) for v in
                                split_unescaped(value, ",") if v))
    else:
        value = unescape(value)
    if not value:
        return None
    return name, ",".join(sorted(types)), value


def normal_component(comp):
    props = []
    for name, params, value in comp[1]:
        if name in OWN_TO_WRITER:
            continue
        prop = normal_property(name, params, value)
        if prop:
            props.append(prop)
    kids = [normal_component(k) for k in comp[2] if k[0] != "VTIMEZONE"]
    return comp[0], sorted(props), sorted(kids)


def normal(text):
    """The comparable form of an item's text."""
    if "BEGIN:V" not in text[:200].upper():
        return "note", text.replace("\r\n", "\n").rstrip("\n")
    comps = normal_component(parse(text))[2]
    if len(comps) != 1:
        raise ValueError("%d objects in one item" % len(comps))
    return comps[0]


def flat(norm, path=""):
    """The comparable form as a list of lines, for messages and subsets."""
    if norm[0] == "note":
        return ["note %r" % norm[1]]
    path = "%s/%s" % (path, norm[0])
    lines = ["%s %s" % (path, " ".join(p)) for p in norm[1]]
    for kid in norm[2]:
        lines += flat(kid, path)
    return lines


def difference(a, b, ignore=()):
    """'' or what is in one of two texts only. ignore: property names, with
    their component where it matters ("/VALARM DESCRIPTION")."""
    def ignored(line, name):
        head = line.split(" ")[:2]
        return ("/" in name and " ".join(head).endswith(name)) or \
            head[1] == name

    def lines(text):
        return sorted(line for line in flat(normal(text))
                      if not any(ignored(line, i) for i in ignore))
    la, lb = lines(a), lines(b)
    if la == lb:
        return ""
    out = []
    for mark, some, other in (("-", la, lb), ("+", lb, la)):
        rest = list(other)
        for line in some:
            if line in rest:
                rest.remove(line)
            else:
                out.append("%s %s" % (mark, line[:300]))
    return "\n".join(out)


# ---- the items ---------------------------------------------------------

def lines_to_text(lines):
    return "\r\n".join(lines) + "\r\n"


def contact(n=1, **change):
    """A full contact; change: property name -> line, or None to leave out.
    No UID: SyncEvolution sends none with contacts."""
    props = {
        "N": "N:Müller-%d;Jörg;Maria;Dr.;Jr." % n,
        "FN": "FN:Dr. Jörg Müller-%d" % n,
        "NICKNAME": "NICKNAME:Jogi",
        "ORG": "ORG:Seilbahn AG;Werkstatt",
        "TITLE": "TITLE:Maschinist",
        "ROLE": "ROLE:Chef vom Dienst",
        "TEL1": "TEL;TYPE=WORK,VOICE:+49 711 %05d" % n,
        "TEL2": "TEL;TYPE=CELL:+49 170 %05d" % n,
        "TEL3": "TEL;TYPE=HOME,FAX:+49 711 9%05d" % n,
        "EMAIL1": "EMAIL;TYPE=WORK:joerg%d@work.example" % n,
        "EMAIL2": "EMAIL;TYPE=HOME:joerg%d@home.example" % n,
        "ADR": "ADR;TYPE=HOME:;;Königstraße %d;Stuttgart;BW;70173;"
               "Deutschland" % n,
        "URL": "URL:http://www.example.org/?a=1&b=%d" % n,
        "BDAY": "BDAY:1970-02-28",
        "GEO": "GEO:48.77;9.18",
        "NOTE": "NOTE:Erste Zeile\\nzweite\\, mit Komma\\; und 😀 ]]> <&\"",
        "CATEGORIES": "CATEGORIES:Freunde,Arbeit",
    }
    props.update(change)
    return lines_to_text(["BEGIN:VCARD", "VERSION:3.0"] +
                         [p for p in props.values() if p] + ["END:VCARD"])


def small_contact(n):
    return lines_to_text([
        "BEGIN:VCARD", "VERSION:3.0",
        "N:Nachname%04d;Vorname;;;" % n, "FN:Vorname Nachname%04d" % n,
        "TEL;TYPE=CELL:+49 160 %06d" % n,
        "EMAIL;TYPE=HOME:n%04d@example.org" % n, "END:VCARD"])


BERLIN = [
    "BEGIN:VTIMEZONE", "TZID:Europe/Berlin",
    "BEGIN:DAYLIGHT", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0200",
    "DTSTART:19810329T020000", "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU",
    "END:DAYLIGHT",
    "BEGIN:STANDARD", "TZOFFSETFROM:+0200", "TZOFFSETTO:+0100",
    "DTSTART:19961027T030000", "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU",
    "END:STANDARD", "END:VTIMEZONE",
]


def component(kind, props, zone=False, alarm=None):
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//example//tests//EN"]
    lines += BERLIN if zone else []
    lines += ["BEGIN:" + kind, "DTSTAMP:20260101T000000Z"]
    lines += [p for p in props if p]
    if alarm:
        lines += ["BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:Erinnerung",
                  "TRIGGER:" + alarm, "END:VALARM"]
    return lines_to_text(lines + ["END:" + kind, "END:VCALENDAR"])


def meeting(n=1, summary="Jour fixe\\, wöchentlich", location="Raum %d"):
    """A recurring appointment in a time zone, with an alarm and a guest."""
    return component("VEVENT", [
        "UID:meeting-%d@example.org" % n,
        "SUMMARY:" + summary,
        "DESCRIPTION:Tagesordnung:\\n- Seil\\; Bremse 😀",
        "LOCATION:" + (location % n if "%" in location else location),
        "CATEGORIES:BUSINESS", "CLASS:PRIVATE", "PRIORITY:5",
        "TRANSP:OPAQUE", "STATUS:CONFIRMED",
        "ORGANIZER;CN=Ich:mailto:me@example.org",
        "ATTENDEE;CN=Bob;PARTSTAT=ACCEPTED;ROLE=REQ-PARTICIPANT:"
        "mailto:bob@example.org",
        "DTSTART;TZID=Europe/Berlin:20260305T100000",
        "DTEND;TZID=Europe/Berlin:20260305T110000",
        "RRULE:FREQ=WEEKLY;BYDAY=TH;UNTIL=20260601T000000Z",
        "EXDATE;TZID=Europe/Berlin:20260312T100000",
    ], zone=True, alarm="-PT15M")


def appointment(n=1, summary="Zahnarzt", location="Praxis"):
    return component("VEVENT", [
        "UID:appointment-%d@example.org" % n, "SUMMARY:" + summary,
        "LOCATION:" + location,
        "DTSTART:202604%02dT080000Z" % (n % 28 + 1),
        "DTEND:202604%02dT090000Z" % (n % 28 + 1)], alarm="-PT1H")


def holiday(n=1):
    return component("VEVENT", [
        "UID:holiday-%d@example.org" % n, "SUMMARY:Ferien",
        "DTSTART;VALUE=DATE:20260501", "DTEND;VALUE=DATE:20260504"])


def task(n=1, percent=30, summary="Seil schmieren"):
    return component("VTODO", [
        "UID:task-%d@example.org" % n, "SUMMARY:" + summary,
        "DESCRIPTION:zwei Liter", "DUE:20260405T120000Z", "PRIORITY:1",
        "STATUS:IN-PROCESS",
        "PERCENT-COMPLETE:%d" % percent if percent is not None else None])


def note(n=1, text="Einkaufen:\n- Öl\n- Fett 😀 ]]> <&"):
    return ("Notiz %d\n%s\n" % (n, text)).replace("\n", "\r\n")


def photo_bytes(size):
    """Bytes that start as a JPEG does and compress badly."""
    out, x = bytearray(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"), 12345
    while len(out) < size:
        x = (x * 1103515245 + 12345) & 0x7fffffff
        out.append(x >> 16 & 0xff)
    return bytes(out[:size])
