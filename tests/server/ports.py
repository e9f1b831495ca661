"""Ports of 127.0.0.1 for peers that cannot be told to take any free one, and for
whatever ends and begins again where it was.

They lie below those that the system itself hands out, so that nobody's
connection takes one while its owner is away. Tests run side by side: which
ports are given is held, until the program ends, by names of sockets that all
programs of this machine see.
"""

import random
import socket

LOWEST = 10000
held = []  # one socket for each port that was given


def ports():
    with open("/proc/sys/net/ipv4/ip_local_port_range") as f:
        first, last = map(int, f.read().split())
    if first - LOWEST > 4000:
        return range(LOWEST, first)
    return range(first, last + 1)


def hold(port):
    """None: another program has it, or is about to."""
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind("\0funicular-test-port-%d" % port)
        with socket.socket() as s:
            s.bind(("127.0.0.1", port))
    except OSError:
        name.close()
        return None
    return name


def free_port():
    among = ports()
    while True:
        port = random.SystemRandom().choice(among)
        name = hold(port)
        if name is not None:
            held.append(name)
            return port
