"""Runs `kitback` and kills it at a given step: `python doomed.py <kind>:<number> <arguments of kitback>`.

A step is whatever can leave something half done. Steps are numbered by kind from 1: a `statement` of SQL, a `commit`, a
`packet` to the broker and a `request` to InfluxDB, of which only half goes out. Number 0 never comes.
"""

import os
import signal
import socket
import sys
from typing import Any

import sqlalchemy as sa

from kitback.cli import main


def doom(kind: str, number: int) -> None:
    """Kill this process at a step."""
    steps = dict.fromkeys(("statement", "commit", "packet", "request"), 0)
    send, sendall = socket.socket.send, socket.socket.sendall

    def is_last(step: str) -> bool:
        steps[step] += 1
        return step == kind and steps[step] == number

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def before_statement(*_: object) -> None:
        if is_last("statement"):
            die()

    def before_commit(*_: object) -> None:
        if is_last("commit"):
            die()

    def send_or_die(sock: socket.socket, data: Any, *flags: int) -> int:
        if is_last("packet"):
            send(sock, data[: len(data) // 2])
            die()
        return send(sock, data, *flags)

    def sendall_or_die(sock: socket.socket, data: Any, *flags: int) -> None:
        if is_last("request"):
            sendall(sock, data[: len(data) // 2])
            die()
        sendall(sock, data, *flags)

    sa.event.listen(sa.Engine, "before_cursor_execute", before_statement)
    sa.event.listen(sa.Engine, "commit", before_commit)
    socket.socket.send, socket.socket.sendall = send_or_die, sendall_or_die  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    which, _, at = sys.argv[1].partition(":")
    doom(which, int(at))
    sys.argv = ["kitback", *sys.argv[2:]]
    main()
