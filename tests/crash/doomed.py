"""Runs `kitback` and kills it at a given step: `python doomed.py <step> <file> <arguments of kitback>`.

A step is whatever can leave something half done: an SQL statement, a commit, and each packet or request that is sent,
of which only half goes out. Step 0 never comes. At an orderly end the file says how many steps there were.
"""

import itertools
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from kitback.cli import main


def doom(die_at: int) -> "itertools.count[int]":
    """Kill this process at a step; returns what counts the steps."""
    steps = itertools.count(1)
    send, sendall = socket.socket.send, socket.socket.sendall

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def step(*_: object) -> None:
        if next(steps) == die_at:
            die()

    def half(data: Any) -> bytes:
        return bytes(data)[: len(data) // 2]

    def send_or_die(sock: socket.socket, data: Any, *flags: int) -> int:
        if next(steps) == die_at:
            send(sock, half(data))
            die()
        return send(sock, data, *flags)

    def sendall_or_die(sock: socket.socket, data: Any, *flags: int) -> None:
        if next(steps) == die_at:
            sendall(sock, half(data))
            die()
        sendall(sock, data, *flags)

    sa.event.listen(sa.Engine, "before_cursor_execute", step)
    sa.event.listen(sa.Engine, "commit", step)
    socket.socket.send, socket.socket.sendall = send_or_die, sendall_or_die  # type: ignore[method-assign, assignment]
    return steps


if __name__ == "__main__":
    told = Path(sys.argv[2])
    steps = doom(int(sys.argv[1]))
    sys.argv = ["kitback", *sys.argv[3:]]
    try:
        main()
    finally:
        told.write_text(str(next(steps) - 1))
