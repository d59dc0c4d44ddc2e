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

die_at, said = int(sys.argv[1]), Path(sys.argv[2])
_steps = itertools.count(1)
_send, _sendall = socket.socket.send, socket.socket.sendall


def _last_step() -> bool:
    return next(_steps) == die_at


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _step(*_: object) -> None:
    if _last_step():
        _die()


def send(sock: socket.socket, data: Any, *flags: int) -> int:
    if _last_step():
        _send(sock, bytes(data)[: len(data) // 2])
        _die()
    return _send(sock, data, *flags)


def sendall(sock: socket.socket, data: Any, *flags: int) -> None:
    if _last_step():
        _sendall(sock, bytes(data)[: len(data) // 2])
        _die()
    _sendall(sock, data, *flags)


sa.event.listen(sa.Engine, "before_cursor_execute", _step)
sa.event.listen(sa.Engine, "commit", _step)
socket.socket.send, socket.socket.sendall = send, sendall  # type: ignore[method-assign, assignment]
sys.argv = ["kitback", *sys.argv[3:]]
try:
    main()
finally:
    said.write_text(str(next(_steps) - 1))
