"""The address of a host, asked from the network's name server with an end to the wait.

The port's own `getaddrinfo` waits many seconds for a silent server, and nothing but the watchdog would end that.
"""

import errno
import os
import select
import socket
import struct
import time

from micropython import const

_PORT = const(53)
_ANSWER = const(512)  # the longest of DNS over UDP
_PATIENCE_MS = const(1000)
_TRIES = const(3)
_HEADER = const(12)
_A = b"\x00\x01\x00\x01"  # an IPv4 address, on the Internet
_RECURSE = b"\x01\x00"


def resolve(host: str, server: str, deadline: int) -> str:
    """The host's IPv4 address, which it may already be. OSError when it cannot be had by the tick `deadline`."""
    if host.replace(".", "").isdigit():
        return host
    number = os.urandom(2)
    query = number + _RECURSE + b"\x00\x01\x00\x00\x00\x00\x00\x00" + _question(host)
    asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        asking.setblocking(False)
        asking.connect(socket.getaddrinfo(server, _PORT)[0][-1])
        poll = select.poll()
        poll.register(asking, select.POLLIN)
        for _ in range(_TRIES):
            asking.send(query)
            if poll.poll(max(0, min(_PATIENCE_MS, time.ticks_diff(deadline, time.ticks_ms())))):
                address = _address(asking.recv(_ANSWER), number)
                if address:
                    return address
    finally:
        asking.close()
    raise OSError(errno.ETIMEDOUT, "no address of %s" % host)


def _question(host: str) -> bytes:
    labels = b"".join(bytes((len(label),)) + label.encode() for label in host.split("."))
    return labels + b"\x00" + _A


def _address(answer: bytes, number: bytes) -> str | None:
    """The first address in an answer to the query of that number, or None."""
    try:
        questions, answers = struct.unpack_from("!HH", answer, 4)
        if answer[:2] != number or not answer[2] & 0x80 or questions != 1:
            return None
        at = _after_name(answer, _HEADER) + len(_A)
        for _ in range(answers):
            at = _after_name(answer, at)
            length = struct.unpack_from("!H", answer, at + 8)[0]
            if answer[at : at + 4] == _A and length == 4:
                return "%d.%d.%d.%d" % struct.unpack_from("BBBB", answer, at + 10)
            at += 10 + length
    except (IndexError, ValueError):  # it ends too early
        pass
    return None


def _after_name(answer: bytes, at: int) -> int:
    while answer[at]:
        if answer[at] & 0xC0:
            return at + 2  # the rest of the name is elsewhere
        at += 1 + answer[at]
    return at + 1
