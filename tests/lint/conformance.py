#!/usr/bin/env python3
"""docs/conformance.md is true as far as names go: each requirement has an id of
its own and a state, and what counts as proven names tests that are there; tests
that name an id name one that is there."""

import collections
import os
import re

import tree

DOC = "docs/conformance.md"
ID = r"[RSKAP]-[A-Z]+-\d+"
STATES = ("done", "otherwise", "not yet", "not built")


def functions(name):
    """Tests of a source: in C those that cmocka can run, which the compiler
    keeps from being forgotten in main()."""
    text = tree.read(name)
    if name.endswith(".c"):
        return set(re.findall(r"^static void\n(\w+)\(void \*\*", text, re.M))
    return set(re.findall(r"^\s*def (\w+)\(", text, re.M))


def sources():
    """Test program, as the table names it, to its tests."""
    out = {"wire": set()}
    for name in tree.files(".c", ".py", ".txt", under=("tests",)):
        room, _, file = name[len("tests/"):].rpartition("/")
        stem, ext = os.path.splitext(file)
        if room == "wire" and ext == ".txt" and stem != "CMakeLists":
            out["wire"].add(stem)
        elif ext != ".txt":
            stem = re.sub(r"^test_", "", stem)
            out.setdefault("%s/%s" % (room, stem),
                           set()).update(functions(name))
    return out


def named(cell):
    """Pairs of program and test in "a/b: f, g; c/d: h"."""
    for part in filter(None, (p.strip() for p in cell.split(";"))):
        program, _, tests = part.partition(":")
        for test in tests.split(","):
            yield program.strip(), test.strip()


def check_row(cells, known, findings, where):
    state, tests = cells[2], list(named(cells[3]))
    if state not in STATES and not re.fullmatch(r"refused \d{3}", state):
        findings.append("%s: no such state: %s" % (where, state))
    if not cells[1].endswith("."):
        findings.append("%s: the requirement is no sentence" % where)
    if not state.startswith("not") and not tests:
        findings.append("%s is %s, and no test shows it" % (where, state))
    for program, test in tests:
        if test not in known.get(program, ()):
            findings.append("%s: there is no test %s: %s" %
                            (where, program, test))


def main():
    known = sources()
    findings = []
    states = collections.Counter()
    ids = set()
    for no, line in enumerate(tree.read(DOC).split("\n"), 1):
        m = re.match(r"\| (%s) \|" % ID, line)
        if not m:
            continue
        where = "%s:%d: %s" % (DOC, no, m[1])
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if m[1] in ids:
            findings.append("%s is there twice" % where)
        ids.add(m[1])
        if len(cells) != 4:
            findings.append("%s: %d columns" % (where, len(cells)))
            continue
        states[cells[2]] += 1
        check_row(cells, known, findings, where)
    for name in tree.files(".c", ".h", ".py", ".txt", under=("tests",)):
        for m in re.finditer(r"(?<![\w-])%s\b" % ID, tree.read(name)):
            if m[0] not in ids:
                findings.append("%s: %s is not in %s" % (name, m[0], DOC))
    for state, n in sorted(states.items()):
        print("%s: %d" % (state, n))
    tree.verdict(findings, "%d requirements" % len(ids))


main()
