#!/usr/bin/env python3
"""The comparison of items.py: what it must forgive, and what it must not."""

import unittest

import items


class Same(unittest.TestCase):
    def same(self, a, b):
        self.assertEqual(items.difference(a, b), "")

    def test_folding_order_and_writer(self):
        a = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Anna Be\r\n rg\r\nTEL:1\r\n" \
            "END:VCARD\r\n"
        b = "BEGIN:VCARD\nVERSION:3.0\nPRODID:x\nREV:20260101T000000Z\n" \
            "TEL;TYPE=VOICE:1\nFN:Anna Berg\nPHOTO:\nGEO:;\nEND:VCARD\n"
        self.same(a, b)

    def test_padding_of_structured(self):
        a = items.contact().replace("ORG:Seilbahn AG;Werkstatt",
                                    "ORG:Seilbahn AG;Werkstatt;;")
        self.same(items.contact(), a)

    def test_zone_is_an_instant(self):
        a = items.component("VEVENT", [
            "DTSTART;TZID=Europe/Berlin:20260305T100000"], zone=True)
        b = items.component("VEVENT", ["DTSTART:20260305T090000Z"])
        self.same(a, b)

    def test_defaults_of_rules(self):
        a = items.meeting()
        b = a.replace("FREQ=WEEKLY;BYDAY=TH", "FREQ=WEEKLY;INTERVAL=1;BYDAY=TH")
        self.same(a, b)


class Different(unittest.TestCase):
    def differs(self, a, b):
        self.assertNotEqual(items.difference(a, b), "")

    def test_each_lost_line_is_seen(self):
        for text in (items.contact(), items.meeting(), items.task()):
            lines = text.split("\r\n")
            for i, line in enumerate(lines):
                name = line.split(":")[0].split(";")[0]
                inside = "VTIMEZONE" in "".join(lines[:i]) and \
                    "END:VTIMEZONE" not in lines[:i]
                if (name in items.OWN_TO_WRITER or not line or inside or
                        name in ("BEGIN", "END")):
                    continue
                with self.subTest(line=line):
                    rest = "\r\n".join(lines[:i] + lines[i + 1:])
                    self.differs(text, rest)

    def test_type_value_and_case(self):
        c = items.contact()
        self.differs(c, c.replace("TYPE=CELL", "TYPE=HOME"))
        self.differs(c, c.replace("Jogi", "jogi"))
        self.differs(c, c.replace("zweite\\,", "zweite"))

    def test_an_hour(self):
        self.differs(items.meeting(), items.meeting().replace(
            "20260305T100000", "20260305T110000"))

    def test_date_is_no_instant(self):
        a = items.component("VEVENT", ["DTSTART;VALUE=DATE:20260501"])
        b = items.component("VEVENT", ["DTSTART:20260501T000000Z"])
        self.differs(a, b)

    def test_note(self):
        self.differs(items.note(1), items.note(2))


if __name__ == "__main__":
    unittest.main()
