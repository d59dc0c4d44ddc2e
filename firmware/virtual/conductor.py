"""The line to the conductor, who keeps one story time for all virtual tags and the gateway.

Without one (a tag run on its own) every wish is granted at once. Times are true Unix microseconds.
"""

import usocket

_IPPROTO_TCP = 6
_TCP_NODELAY = 1

_socket = None


def open_line(port, tag_id, now):
    """Say hello to the conductor on this loopback port; 0 for none."""
    global _socket
    if port:
        _socket = usocket.socket()
        _socket.setsockopt(_IPPROTO_TCP, _TCP_NODELAY, 1)  # else a second line waits 40 ms for the first one's ACK
        _socket.connect(usocket.getaddrinfo("127.0.0.1", port)[0][-1])
        _say("hello %s %d" % (tag_id, now))


def at(now):
    """Tell how far this tag has come."""
    _say("at %d" % now)


def want(now):
    """Wait for a network session. Returns when it begins, which may be later than wanted."""
    if _socket is None:
        return now
    _say("want %d" % now)
    word, granted = _socket.readline().split()
    assert word == b"go"
    return int(granted)


def free(now):
    """The session is over. Whether the story goes on."""
    if _socket is None:
        return True
    _say("free %d" % now)
    return _socket.readline() != b"over\n"


def bye(now):
    """This tag's story is over."""
    _say("bye %d" % now)


def _say(line):
    if _socket is not None:
        _socket.write(line + "\n")
