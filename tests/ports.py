"""Ports for the servers of tests."""

from __future__ import annotations

import random
import socket
from typing import Final

LOWEST: Final = 20_000
HIGHEST: Final = 32_000
"""Below the ports that a system gives to outgoing connections, which come and go meanwhile."""


def free_port() -> int:
    """A port of the loopback address that nobody listens on, and that stays free until it is used.

    One that the system chooses (port 0) may be taken by any outgoing connection before the server
    of the test listens, or while it is restarted.
    """
    chance = random.SystemRandom()
    while True:
        port = chance.randint(LOWEST, HIGHEST)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
