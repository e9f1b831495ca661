#!/usr/bin/env python3
"""Nothing of one machine is in the project: no absolute path of a work place,
no host but the example domains and the few that are meant, no file that an
editor or a merge left behind."""

import re

import tree

# Built in two halves, so that this file passes its own test.
WORKPLACE = re.compile(r"/" r"(?:work|home|root|Users|mnt|workspace)/[\w.-]+|"
                       r"/tmp/(?:b-|brief)")
HOST = re.compile(r"https?://([A-Za-z0-9.-]+\.[A-Za-z]{2,})")
HOSTS_MEANT = re.compile(
    r"(^|\.)(example|example\.(org|com|net)|invalid|test|local)$|"
    r"(^|\.)(w3\.org|apache\.org|debian\.org|openmobilealliance\.org|"
    r"rfc-editor\.org|ietf\.org|syncevolution\.org|freedesktop\.org|"
    r"github\.com|gnu\.org|nginx\.org|haproxy\.org|sqlite\.org|"
    r"opensource\.org|syncml\.org|jabber\.org|wapforum\.org)$", re.I)
LEFT = re.compile(r"(?:\.(?:orig|rej|bak|swp|tmp|old)|~)$")
# A folder of a container or unit may be named in documentation.
DOCS = (".md", ".1", ".5", ".7", ".8")


def main():
    findings = []
    for name in tree.files():
        if LEFT.search(name):
            findings.append("%s: left behind" % name)
        if name.endswith((".wbxml", ".bin", ".png", ".jpg")):
            continue
        text = tree.read(name)
        if "\0" in text:
            continue
        for n, line in enumerate(text.split("\n"), 1):
            for m in WORKPLACE.finditer(line):
                before = line[:m.start()]
                if re.search(r"[\w.$}~-]$", before):
                    continue  # the inside of a longer, relative path
                if name.endswith(DOCS) and m[0].startswith("/home/"):
                    continue
                findings.append("%s:%d: path of a machine: %s" % (
                    name, n, m[0]))
            for m in HOST.finditer(line):
                if not HOSTS_MEANT.search(m[1]):
                    findings.append("%s:%d: host: %s" % (name, n, m[1]))
    tree.verdict(findings, "paths and hosts")


main()
