#!/usr/bin/env python3
"""Every limit of syncml/limits.h is obeyed somewhere, has its reason in a
comment, and is named by a test."""

import re

import tree

HEADER = "syncml/limits.h"


def main():
    text = tree.read(HEADER)
    code = {n: tree.code_only(tree.read(n))
            for n in tree.files(".c", ".h", under=tree.ROOMS) if n != HEADER}
    tests = {n: tree.read(n)
             for n in tree.files(".c", ".h", ".py", ".txt", under=("tests",))}
    findings = []
    # A comment's reason holds for all names up to the next comment.
    block = text[text.index("enum {"):]
    reason = False
    for part in re.split(r"(/\*.*?\*/)", block, flags=re.S):
        if part.startswith("/*"):
            reason = len(part) > 20
            continue
        for name in re.findall(r"\b(SML_[A-Z0-9_]+)\s*=", part):
            word = re.compile(r"\b%s\b" % name)
            if not reason:
                findings.append("%s: %s has no reason" % (HEADER, name))
            if not any(word.search(t) for t in code.values()):
                findings.append("%s: nobody obeys %s" % (HEADER, name))
            if not any(word.search(t) for t in tests.values()):
                findings.append("%s: no test names %s" % (HEADER, name))
    tree.verdict(findings, "limits")


main()
