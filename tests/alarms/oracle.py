#!/usr/bin/env python3
"""When alarms go off, computed a second time: icalendar reads the event,
dateutil expands its rule, zoneinfo knows the clocks. Exit status 77 where these
are not installed.

usage: oracle.py ALARM_WALK [--random N [SEED]]
"""

import datetime
import random
import re
import subprocess
import sys
import zoneinfo

try:
    import icalendar
    from dateutil import rrule
except ImportError as why:
    print(why)
    sys.exit(77)

UTC = datetime.timezone.utc
DAY = datetime.timedelta(days=1)
HOUR = datetime.timedelta(hours=1)

BERLIN, YORK, HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"
AL = "BEGIN:VALARM|ACTION:DISPLAY|TRIGGER%s|END:VALARM"

# zone, from, to, lines of the event
CASES = [
    # over the gap and the overlap, three zones
    (BERLIN, "20260301", "20260501", "DTSTART;TZID=Europe/Berlin:"
     "20260301T023000|RRULE:FREQ=DAILY|" + AL % ":-PT10M"),
    (BERLIN, "20261001", "20261130", "DTSTART;TZID=Europe/Berlin:"
     "20261001T023000|RRULE:FREQ=DAILY|" + AL % ":-PT10M"),
    (YORK, "20260225", "20260401", "DTSTART;TZID=America/New_York:"
     "20260225T023000|RRULE:FREQ=DAILY|" + AL % ":-PT1H"),
    (YORK, "20261020", "20261115", "DTSTART;TZID=America/New_York:"
     "20261020T013000|RRULE:FREQ=DAILY|" + AL % ":-PT1H"),
    # half an hour of daylight saving
    (HOWE, "20260325", "20260420", "DTSTART;TZID=Australia/Lord_Howe:"
     "20260325T014500|RRULE:FREQ=DAILY|" + AL % ":-PT29M"),
    (HOWE, "20260925", "20261020", "DTSTART;TZID=Australia/Lord_Howe:"
     "20260925T021500|RRULE:FREQ=DAILY|" + AL % ":-PT29M"),
    # a day before, over the change: the same clock time; 24 hours: not
    (BERLIN, "20260320", "20260410", "DTSTART;TZID=Europe/Berlin:"
     "20260320T090000|RRULE:FREQ=DAILY|" + AL % ":-P1D" + "|" + AL % ":-PT24H"),
    # another zone than the account's
    (BERLIN, "20260301", "20260501", "DTSTART;TZID=America/New_York:"
     "20260301T083000|RRULE:FREQ=WEEKLY;BYDAY=MO,WE|" + AL % ":-PT15M"),
    # last Friday, last working day, the thirteenth that is a Friday
    (BERLIN, "20260101", "20280101", "DTSTART;TZID=Europe/Berlin:"
     "20260130T170000|RRULE:FREQ=MONTHLY;BYDAY=-1FR|" + AL % ":-PT30M"),
    (BERLIN, "20260101", "20270101", "DTSTART;TZID=Europe/Berlin:"
     "20260130T170000|RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1|" +
     AL % ":-PT30M"),
    (BERLIN, "20260101", "20300101", "DTSTART;TZID=Europe/Berlin:"
     "20260213T200000|RRULE:FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13|" +
     AL % ":PT0S"),
    # exceptions
    (BERLIN, "20260301", "20260401", "DTSTART;TZID=Europe/Berlin:"
     "20260302T090000|RRULE:FREQ=DAILY;COUNT=20|EXDATE;TZID=Europe/Berlin:"
     "20260305T090000,20260306T090000|EXDATE:20260310T080000Z|" +
     AL % ":-PT10M"),
    (BERLIN, "20260301", "20260501", "DTSTART;TZID=Europe/Berlin:"
     "20260302T090000|RRULE:FREQ=WEEKLY;UNTIL=20260420T070000Z|"
     "RDATE;TZID=Europe/Berlin:20260304T110000|" + AL % ":-PT10M"),
    # leap days; the 31st
    (BERLIN, "20240101", "20370101", "DTSTART;TZID=Europe/Berlin:"
     "20240229T090000|RRULE:FREQ=YEARLY|" + AL % ":-P1D"),
    (BERLIN, "20260101", "20280101", "DTSTART;TZID=Europe/Berlin:"
     "20260131T090000|RRULE:FREQ=MONTHLY|" + AL % ":-PT10M"),
    # all-day: from the morning, and not; seen from three zones
    (BERLIN, "20260301", "20260501", "DTSTART;VALUE=DATE:20260302|"
     "RRULE:FREQ=WEEKLY|" + AL % ":-P1D" + "|" + AL % ":PT9H" + "|" + AL % ":-PT15M"),
    (YORK, "20260301", "20260501", "DTSTART;VALUE=DATE:20260302|"
     "RRULE:FREQ=WEEKLY|" + AL % ":-P1D" + "|" + AL % ":PT9H"),
    (HOWE, "20260301", "20260501", "DTSTART;VALUE=DATE:20260302|"
     "RRULE:FREQ=WEEKLY|" + AL % ":PT0S"),
    # from the end; floating times; a moved instance
    (BERLIN, "20260301", "20260501", "DTSTART;TZID=Europe/Berlin:"
     "20260302T220000|DTEND;TZID=Europe/Berlin:20260303T020000|"
     "RRULE:FREQ=DAILY|" + AL % ";RELATED=END:-PT5M"),
    (YORK, "20260301", "20260401", "DTSTART:20260302T090000|"
     "RRULE:FREQ=DAILY;INTERVAL=3|" + AL % ":-PT29M"),
    (BERLIN, "20260301", "20260401", "DTSTART;TZID=Europe/Berlin:"
     "20260302T090000|RRULE:FREQ=WEEKLY|" + AL % ":-PT10M" +
     "|END:VEVENT|BEGIN:VEVENT|UID:x|RECURRENCE-ID;TZID=Europe/Berlin:"
     "20260309T090000|DTSTART;TZID=Europe/Berlin:20260310T113000|" +
     AL % ":-PT1H"),
    # repetitions, some behind the next one's own
    (BERLIN, "20260301", "20260310", "DTSTART;TZID=Europe/Berlin:"
     "20260302T090000|RRULE:FREQ=DAILY|BEGIN:VALARM|ACTION:DISPLAY|"
     "TRIGGER:-PT10M|DURATION:PT7H|REPEAT:5|END:VALARM"),
    (BERLIN, "20260301", "20260401", "DTSTART;TZID=Europe/Berlin:"
     "20260302T090000|" + AL % ";VALUE=DATE-TIME:20260301T120000Z"),
    # below the day, over both changes of the clock
    (BERLIN, "20260328", "20260331", "DTSTART;TZID=Europe/Berlin:"
     "20260327T091500|RRULE:FREQ=HOURLY|" + AL % ":-PT10M"),
    (BERLIN, "20261024", "20261027", "DTSTART;TZID=Europe/Berlin:"
     "20261023T091500|RRULE:FREQ=MINUTELY;INTERVAL=20;BYHOUR=1,2,3|" +
     AL % ":-PT10M"),
    (YORK, "20260301", "20260401", "DTSTART;TZID=America/New_York:"
     "20260301T090000|RRULE:FREQ=HOURLY;BYDAY=MO,FR;BYHOUR=9,13,17|" +
     AL % ":-P1D"),
]
MORNING = 8


def text_of(lines):
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT",
                        "UID:x"] + lines.split("|") +
                       ["END:VEVENT", "END:VCALENDAR", ""])


def ms(when):
    return round(when.timestamp() * 1000)


class Clock:
    """A clock of the event: naive times to instants."""

    def __init__(self, value, home):
        self.date = not isinstance(value, datetime.datetime)
        self.zone = None if self.date else value.tzinfo
        self.home = home
        if self.zone is not None and self.zone.utcoffset(value) is not None \
                and str(self.zone) not in ("UTC", "UTC+00:00"):
            self.zone = zoneinfo.ZoneInfo(self.name(value))

    @staticmethod
    def name(value):
        return str(getattr(value.tzinfo, "zone", None) or
                   getattr(value.tzinfo, "key", None) or value.tzinfo)

    def naive(self, value):
        """Of a value in any form: wall time on this clock."""
        if not isinstance(value, datetime.datetime):
            return datetime.datetime(value.year, value.month, value.day)
        if value.tzinfo is None or self.date:
            return value.replace(tzinfo=None)
        zone = value.tzinfo
        naive = value.replace(tzinfo=None)
        if str(zone) not in ("UTC", "UTC+00:00"):
            zone = zoneinfo.ZoneInfo(self.name(value))
        return naive.replace(tzinfo=zone).astimezone(
            self.zone or self.home).replace(tzinfo=None)

    def instant(self, naive):
        # fold 0: the first of two, the offset before a gap
        return naive.replace(tzinfo=self.zone or self.home).astimezone(UTC)


def listed(event, name):
    value = event.get(name)
    values = value if isinstance(value, list) else [value] if value else []
    return [d.dt for v in values for d in v.dts]


def walls(event, clock, start, upto):
    out = {start}
    if "RRULE" in event:
        rule = event["RRULE"].to_ical().decode()
        parts = dict(p.split("=") for p in rule.split(";"))
        if "UNTIL" in parts:
            until = clock.naive(event["RRULE"]["UNTIL"][0])
            parts["UNTIL"] = until.strftime("%Y%m%dT%H%M%S")
        rule = ";".join("%s=%s" % p for p in parts.items())
        for w in rrule.rrulestr(rule, dtstart=start):
            if w > upto:
                break
            out.add(w)
    out |= {clock.naive(d) for d in listed(event, "RDATE")}
    return out - {clock.naive(d) for d in listed(event, "EXDATE")}


def split(duration):
    """Nominal days and exact seconds, both with the sign."""
    s = duration.total_seconds()
    return datetime.timedelta(days=int(s / 86400)), datetime.timedelta(
        seconds=s - 86400 * int(s / 86400))


def trigger(alarm, raw, clock, start, end):
    value = alarm["TRIGGER"]
    if isinstance(value.dt, datetime.datetime):
        return value.dt.astimezone(UTC)
    base = end if value.params.get("RELATED") == "END" else start
    # "-PT24H" is exact, "-P1D" nominal; timedelta has forgotten which
    days, secs = split(value.dt) if "T" not in raw else (
        datetime.timedelta(0), value.dt)
    if clock.date:
        n = abs(secs)
        if n % DAY == datetime.timedelta(0) or n < HOUR:
            base += MORNING * HOUR
    return clock.instant(base + days) + secs


def alarms(zone, lines, begin, end):
    home = zoneinfo.ZoneInfo(zone)
    cal = icalendar.Calendar.from_ical(text_of(lines))
    events = list(cal.walk("VEVENT"))
    moved = [e for e in events if "RECURRENCE-ID" in e]
    raw = re.findall(r"TRIGGER[^:|]*:([^|]*)", lines)
    out, index = [], 0
    for event in events:
        clock = Clock(event["DTSTART"].dt, home)
        start = clock.naive(event["DTSTART"].dt)
        length = DAY if clock.date else datetime.timedelta(0)
        if "DTEND" in event:
            length = clock.instant(clock.naive(event["DTEND"].dt)) - \
                clock.instant(start)
        upto = clock.naive(end) + 40 * DAY
        here = walls(event, clock, start, upto)
        if event not in moved:
            here -= {clock.naive(e["RECURRENCE-ID"].dt) for e in moved}
        for alarm in event.walk("VALARM"):
            repeat = int(alarm.get("REPEAT", 0))
            again = alarm["DURATION"].dt if repeat else HOUR
            for wall in here:
                if clock.date:
                    over = wall + length
                else:
                    over = (clock.instant(wall) + length).astimezone(
                        clock.zone or home).replace(tzinfo=None)
                first = trigger(alarm, raw[index], clock, wall, over)
                for k in range(repeat + 1):
                    due = first + k * again
                    if begin <= due < end:
                        out.append((ms(due), index))
                if isinstance(alarm["TRIGGER"].dt, datetime.datetime):
                    break
            index += 1
    return sorted(set(out))


def walked(walk, zone, lines, begin, end):
    p = subprocess.run([walk, zone, str(MORNING), str(ms(begin)),
                        str(ms(end))], input=text_of(lines).encode(),
                       stdout=subprocess.PIPE, check=True)
    return sorted({(int(x.split()[0]), int(x.split()[1]))
                   for x in p.stdout.decode().split("\n") if x})


def day(s):
    return datetime.datetime.strptime(s, "%Y%m%d").replace(tzinfo=UTC)


def judge(walk, zone, begin, end, lines):
    begin, end = day(begin), day(end)
    want = alarms(zone, lines, begin, end)
    got = walked(walk, zone, lines, begin, end)
    if want == got:
        return len(want)
    print("%s: %s" % (zone, lines.replace("|", "\n    ")))
    for at, index in sorted(set(want) ^ set(got))[:10]:
        print("  %s %s of alarm %d" % (
            "missing" if (at, index) in want else "too many",
            datetime.datetime.fromtimestamp(at / 1000, UTC), index))
    return None


def made_up(r):
    zone = r.choice([BERLIN, YORK, HOWE, "Asia/Kathmandu", "America/Sao_Paulo",
                     "Africa/Casablanca", "Pacific/Apia"])
    own = r.choice([zone, zone, BERLIN, YORK, HOWE])
    at = datetime.datetime(r.randint(2019, 2026), r.randint(1, 12),
                           r.randint(1, 28), r.randint(0, 23),
                           r.choice([0, 15, 30, 45]))
    kind = r.randint(0, 5)
    if kind == 0:
        lines = ["DTSTART;VALUE=DATE:" + at.strftime("%Y%m%d")]
    elif kind == 1:
        lines = ["DTSTART:" + at.strftime("%Y%m%dT%H%M%S")]
    else:
        lines = ["DTSTART;TZID=%s:%s" % (own, at.strftime("%Y%m%dT%H%M%S"))]
    days = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
    rule = r.choice([
        "FREQ=DAILY", "FREQ=DAILY;INTERVAL=%d" % r.randint(2, 9),
        "FREQ=WEEKLY;BYDAY=" + ",".join(sorted(r.sample(days, 2))),
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=" + r.choice(days),
        "FREQ=MONTHLY", "FREQ=MONTHLY;BYMONTHDAY=-%d" % r.randint(1, 5),
        "FREQ=MONTHLY;BYDAY=%d%s" % (r.choice([1, 2, 3, -1, -2]),
                                     r.choice(days)),
        "FREQ=YEARLY", "FREQ=YEARLY;BYMONTH=%d;BYDAY=-1SU" % r.randint(1, 12),
    ])
    if r.random() < .3:
        rule += ";COUNT=%d" % r.randint(1, 40)
    lines.append("RRULE:" + rule)
    for _ in range(r.randint(1, 3)):
        lines.append(AL % r.choice([
            ":-PT10M", ":-PT29M", ":-PT1H", ":-P1D", ":-P1W", ":PT0S",
            ":PT9H", ":-PT36H", ":PT45M"]))
    begin = at + r.randint(-40, 400) * DAY
    return (zone, begin.strftime("%Y%m%d"),
            (begin + r.randint(20, 400) * DAY).strftime("%Y%m%d"),
            "|".join(lines))


def main():
    walk, cases = sys.argv[1], list(CASES)
    if "--random" in sys.argv:
        at = sys.argv.index("--random")
        r = random.Random(int((sys.argv + ["1"] * 9)[at + 2]))
        cases = []
        while len(cases) < int(sys.argv[at + 1]):
            case = made_up(r)
            # A rule that does not hit its own start: dateutil leaves that
            # one out, phones show it, and COUNT is then another one.
            event = icalendar.Calendar.from_ical(
                text_of(case[3])).walk("VEVENT")[0]
            start = Clock(event["DTSTART"].dt, UTC).naive(
                event["DTSTART"].dt)
            first = next(iter(rrule.rrulestr(
                event["RRULE"].to_ical().decode(), dtstart=start)), None)
            if first == start:
                cases.append(case)
    counts = [judge(walk, *case) for case in cases]
    print("%d events, %d alarms, %d differ" % (
        len(cases), sum(n or 0 for n in counts), counts.count(None)))
    sys.exit(1 if None in counts else 0)


main()
