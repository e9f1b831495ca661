#!/usr/bin/env python3
"""Every key of the configuration is in the sample, in the manual page and in
the administrator's guide; and the guides name no key that is none."""

import re

import tree

TABLE = "server/conf_table.c"
WHERE = ("docs/funicular.conf", "docs/man/funicular.conf.5",
         "docs/admin-guide.md")


def main():
    keys = re.findall(r'^\t\{ "([a-z0-9_]+)",', tree.read(TABLE), re.M)
    findings = [] if len(keys) > 10 else ["%s: cannot be read" % TABLE]
    for name in WHERE:
        try:
            text = tree.read(name)
        except FileNotFoundError:
            findings.append("%s is missing" % name)
            continue
        for key in keys:
            if not re.search(r"\b%s\b" % key, text):
                findings.append("%s: says nothing of %s" % (name, key))
    # "`key = value`" in a guide must be a key.
    for name in tree.files(".md"):
        for m in re.finditer(r"^\s*#?([a-z][a-z0-9_]+) = ", tree.read(name),
                             re.M):
            text = tree.read(name)
            fence = text[:m.start()].rfind("```")
            if text[fence:fence + 12].startswith("```ini") and \
                    m[1] not in keys:
                findings.append("%s: there is no key %s" % (name, m[1]))
    tree.verdict(findings, "configuration keys")


main()
