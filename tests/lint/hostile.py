#!/usr/bin/env python3
"""The tests that docs/hostile-input.md names exist, no row is without one, and
no limit is missing there."""

import re

import tree

PAGE = "docs/hostile-input.md"
NAMED = re.compile(r"`((?:\w+/)*\w+\.(?:c|py)): ([^`]+)`")


def cases(text):
    """Names and quoted rows: 'items "Sync in Sync", doubles'."""
    rows = re.findall(r'"([^"]+)"', text)
    names = re.sub(r'"[^"]*"', " ", text).replace(",", " ").split()
    return names, rows


def check(text, tests, findings):
    for name, rest in NAMED.findall(text):
        found = [t for path, t in tests.items()
                 if ("/" + path).endswith("/" + name)]
        if len(found) != 1:
            findings.append("%s: %s: %d tests have this name" % (
                PAGE, name, len(found)))
            continue
        names, rows = cases(" ".join(rest.split()))
        for case in names:
            form = r"\bdef %s\(" if name.endswith(".py") else \
                r"(?m)^%s\(void \*\*state\)"
            if not re.search(form % re.escape(case), found[0]):
                findings.append("%s: %s has no case %s" % (PAGE, name, case))
        for row in rows:
            if '"%s"' % row not in found[0]:
                findings.append("%s: %s has no row \"%s\"" % (PAGE, name, row))


def main():
    page = tree.read(PAGE)
    tests = {path: tree.read(path)
             for path in tree.files(".c", ".py", under=("tests",))}
    findings = []
    check(page, tests, findings)
    # The figures of the last part come from a command.
    tables = page[:page.index("\n## Load")]
    for n, line in enumerate(tables.splitlines(), 1):
        if line.startswith("| ") and not re.match(
                r"\| (---|input|limit|what) ", line) and \
                not NAMED.search(line):
            findings.append("%s:%d: no test is named" % (PAGE, n))
    limits = page[page.index("\n## Limits"):]
    for name in re.findall(r"\b(SML_[A-Z0-9_]+)\s*=",
                           tree.read("syncml/limits.h")):
        if "`%s`" % name not in limits:
            findings.append("%s: the limit %s is missing" % (PAGE, name))
    tree.verdict(findings, "hostile input")


main()
