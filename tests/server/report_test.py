#!/usr/bin/env python3
"""`funicular report` on a site that has something to report, on SQLite or (run
by tests/postgres/server.py) on PostgreSQL; docs/reporting.md shows the same.

usage: report_test.py FUNICULAR SEED DOC [KIND]
       report_test.py --write FUNICULAR SEED DOC   bring DOC up to date
"""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

FUNICULAR = SEED = DOC = None
KIND = "sqlite"

SINCE = "2026-09-01"
# By the database's clock: no sample can know it.
LAST_SEEN = re.compile(r"(north.*Z +)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def database(folder):
    if KIND == "sqlite":
        return "sqlite:" + os.path.join(folder, "db")
    conninfo = os.environ["FUNICULAR_TEST_POSTGRES"]
    name = "report_%d_%s" % (os.getpid(), folder[-8:].lower())
    subprocess.run(["psql", "-X", "-q", conninfo + " dbname=postgres", "-c",
                    "CREATE DATABASE %s TEMPLATE template0" % name],
                   check=True)
    return "postgres:%s dbname=%s" % (conninfo, name)


class Site:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="funicular_report_")
        self.conf = os.path.join(self.dir, "funicular.conf")
        self.store = store = database(self.dir)
        with open(self.conf, "w") as f:
            f.write("store = %s\nstate_dir = %s\nkey_file = %s/key\n"
                    % (store, self.dir, self.dir))
        subprocess.run([SEED, store], check=True, timeout=60)

    def call(self, *args):
        return subprocess.run([FUNICULAR, "--config", self.conf, "report",
                               *args], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60)

    def text(self, *args):
        p = self.call(*args)
        if p.returncode != 0:
            raise AssertionError("%s: %s" % (args, p.stderr.decode()))
        return p.stdout.decode()

    def json(self, *args):
        return json.loads(self.text(*args, "--json"))

    def names(self):
        return [r["name"] for r in self.json()]

    def close(self):
        shutil.rmtree(self.dir)


def section(site, name, question):
    """What DOC says of one question, between its heading and the next."""
    sample = LAST_SEEN.sub(r"\g<1>2026-10-19T12:00:20Z",
                           site.text(name, "--since", SINCE))
    sql = site.text(name, "--sql").split("\n", 2)[2]
    lines = "".join("    %s\n" % line.rstrip()
                    for line in ("$ funicular report %s --since %s\n%s"
                                 % (name, SINCE, sample)).splitlines())
    return "### %s\n\n%s\n\n%s\n```sql\n%s```\n" % (
        name, question[0].upper() + question[1:] + ".", lines, sql)


def sections(site):
    return "\n".join(section(site, r["name"], r["question"])
                     for r in site.json())


BEGIN, END = "<!-- samples -->\n", "<!-- end of samples -->\n"


def write():
    site = Site()
    with open(DOC) as f:
        text = f.read()
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    with open(DOC, "w") as f:
        f.write(head + BEGIN + "\n" + sections(site) + "\n" + END + tail)
    site.close()


class Report(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site()

    @classmethod
    def tearDownClass(cls):
        cls.site.close()

    def test_doc_shows_the_truth(self):
        self.maxDiff = None
        with open(DOC) as f:
            shown = f.read().split(BEGIN)[1].split(END)[0]
        self.assertEqual(shown.strip(), sections(self.site).strip())

    def test_doc_names_every_column(self):
        """Each view has a row in the table of views, with its columns."""
        with open(DOC) as f:
            text = f.read()
        with open(os.path.join(os.path.dirname(DOC), "..", "schema", "sqlite",
                               "0002_report.sql")) as f:
            views = re.findall(r"CREATE VIEW (\w+) AS\nSELECT\n(.*?)\nFROM",
                               f.read(), re.S)
        self.assertGreater(len(views), 15)
        for name, columns in views:
            row = re.search(r"^\| `%s` \|.*$" % name, text, re.M)
            self.assertIsNotNone(row, name)
            shown = re.findall(r"`(\w+)`", row[0].split("|")[3])
            self.assertEqual(shown, re.findall(r"AS (\w+)(?:,\n|$)", columns),
                             name)

    def test_list(self):
        names = self.site.names()
        self.assertEqual(names, sorted(names))
        for name in ("silent", "failures", "storms", "growth", "photos",
                     "holds", "busiest", "attackers", "nodes"):
            self.assertIn(name, names)
        self.assertIn("QUESTION", self.site.text())

    def test_every_question_has_an_answer(self):
        for name in self.site.names():
            rows = self.site.json(name, "--since", SINCE)
            self.assertGreater(len(rows), 0, name)
            table = list(csv.reader(io.StringIO(
                self.site.text(name, "--since", SINCE, "--csv"), newline="")))
            self.assertEqual(table[0], list(rows[0]), name)
            self.assertEqual(len(table), len(rows) + 1, name)

    def test_json(self):
        rows = self.site.json("busiest", "--since", SINCE)
        self.assertEqual(rows[0], {
            "account": "anna", "device": "IMEI:004401130000001",
            "sessions": 5, "messages": 27, "received": 50, "sent": 3})
        silent = self.site.json("silent", "--since", SINCE)
        self.assertEqual([r["account"] for r in silent], ["bert"])
        attackers = self.site.json("attackers", "--since", SINCE)
        self.assertEqual(attackers[0]["network"], "203.0.113.0/24")
        self.assertEqual(attackers[0]["wrong"], 17)
        guessed = self.site.json("guessed", "--since", SINCE)
        self.assertEqual({r["account"] for r in guessed},
                         {"anna", "bert", None})

    def test_csv(self):
        """RFC 4180; nothing that a spreadsheet would compute."""
        p = self.site.call("silent", "--since", "2026-10-18", "--csv")
        lines = p.stdout.split(b"\r\n")
        self.assertEqual(lines[0], b"account,device,manufacturer,model,"
                                   b"last_seen,last_good_sync")
        self.assertEqual(lines[2], b"carla,\"'=HYPERLINK(\"\"x\"\")\",Example,"
                                   b"\"N95, black\",2026-09-09T12:00:00Z,"
                                   b"2026-09-09T12:00:00Z")
        self.assertEqual(lines[3:], [b""])

    def test_since(self):
        everything = self.site.json("sessions", "--since", "2026-01-01")
        self.assertEqual(len(everything), 7)
        self.assertEqual(len(self.site.json(
            "sessions", "--since", "2026-10-19T11:00:00Z")), 2)
        self.assertEqual(len(self.site.json("sessions", "--since", "0h")), 0)
        self.assertEqual(len(self.site.json("sessions", "--since", "5000w")),
                         7)
        for bad in ("x", "7", "d", "-1d", "2026-1-1", "99999d",
                    "2026-10-19T11:00:00"):
            p = self.site.call("sessions", "--since=" + bad)
            self.assertEqual((bad, p.returncode), (bad, 2))

    def test_limit(self):
        p = self.site.call("sessions", "--since", SINCE, "--limit", "2",
                           "--json")
        self.assertEqual(len(json.loads(p.stdout)), 2)
        self.assertIn(b"more than 2 rows", p.stderr)
        p = self.site.call("sessions", "--since", SINCE, "--limit", "7")
        self.assertEqual(p.stderr, b"")

    def test_refusals(self):
        for args, code in ((("nix",), 3), (("silent", "x"), 2),
                           (("silent", "--csv", "--json"), 2),
                           (("silent", "--limit", "0"), 2),
                           (("silent", "--nix"), 2)):
            p = self.site.call(*args)
            self.assertEqual((args, p.returncode), (args, code))
            self.assertIn(b"funicular: ", p.stderr)


class Dashboard(unittest.TestCase):
    """docs/grafana/funicular.json asks for nothing that is not there."""

    def setUp(self):
        docs = os.path.dirname(DOC)
        with open(os.path.join(docs, "grafana", "funicular.json")) as f:
            self.panels = json.load(f)["panels"]
        with open(os.path.join(docs, "..", "server", "metrics.c")) as f:
            self.exported = set(re.findall(r'"((?:funicular|process)_\w+)',
                                           f.read()))

    def asked(self, key):
        return [t[key] for p in self.panels for t in p.get("targets", [])
                if key in t]

    def test_metrics(self):
        for expr in self.asked("expr"):
            names = re.findall(r"(?:funicular|process)_\w+", expr)
            self.assertTrue(names, expr)
            for name in names:
                self.assertIn(re.sub("_(total|bucket|sum|count)$", "", name),
                              self.exported, expr)

    @unittest.skipUnless("FUNICULAR_TEST_POSTGRES" in os.environ,
                         "wants PostgreSQL")
    def test_queries(self):
        """Each runs, as the role that the document makes."""
        site = Site()
        try:
            with open(DOC) as f:
                grants = re.search(r"```sql\n(CREATE ROLE.*?)```", f.read(),
                                   re.S)[1]
            script = grants + "GRANT funicular_report TO CURRENT_USER;\n" \
                "SET ROLE funicular_report;\n"
            queries = self.asked("rawSql")
            self.assertGreater(len(queries), 10)
            for q in queries:
                script += re.sub(r"\$__timeFilter\((.*?)\)",
                                 r"\1 BETWEEN '2026-09-01' AND '2026-11-01'",
                                 q) + ";\n"
            out = self.psql(site, script)
            self.assertGreater(out.stdout.count(b" row"), 10)
            self.assertNotIn(b"(0 rows)", out.stdout)
            # And no more than that.
            for table in ("account", "report_items_detail",
                          "report_sessions_detail", "report_devices_detail"):
                with self.assertRaises(subprocess.CalledProcessError):
                    self.psql(site, "SET ROLE funicular_report; SELECT * FROM "
                                    + table)
        finally:
            site.close()

    @staticmethod
    def psql(site, script):
        return subprocess.run(["psql", "-X", "-v", "ON_ERROR_STOP=1",
                               site.store[len("postgres:"):]],
                              input=script.encode(), check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)


if __name__ == "__main__":
    todo = sys.argv[1:]
    writing = todo[0] == "--write"
    FUNICULAR, SEED, DOC = todo[1:4] if writing else todo[:3]
    KIND = todo[3] if len(todo) > 3 and not writing else KIND
    if writing:
        write()
    else:
        unittest.main(argv=sys.argv[:1])
