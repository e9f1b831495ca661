#!/usr/bin/env python3
"""Links between the documents lead somewhere, and so do the file names that
they mention."""

import os
import re

import tree


def main():
    findings = []
    for name in tree.files(".md"):
        text = tree.read(name)
        folder = os.path.dirname(name)
        for m in re.finditer(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
            if "://" in m[1] or m[1].startswith("mailto:"):
                continue
            path = os.path.join(tree.ROOT, folder, m[1])
            if not os.path.exists(path):
                findings.append("%s: %s is not there" % (name, m[1]))
        for m in re.finditer(r"`((?:%s|tests|docs|tools|schema)/[\w./*-]+)`"
                             % "|".join(tree.ROOMS), text):
            path = m[1].rstrip(".")
            if "*" in path:
                continue
            if not os.path.exists(os.path.join(tree.ROOT, path)):
                findings.append("%s: %s is not there" % (name, path))
    tree.verdict(findings, "links")


main()
