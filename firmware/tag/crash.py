"""The last crash: its type and the line, never its message, which may quote anything. Kept until the gateway knows."""

import gc
import io
import sys

from micropython import const

from tag.retained import state

MOST = const(4)
"""So many crashes in a row, and the tag is in safe mode."""

_ROOM = const(40)
_FILE = 'File "'


def note(error: Exception) -> None:
    """Keep what was raised and where, as `ValueError cycle.py:97`."""
    gc.collect()
    trace = io.StringIO()
    sys.print_exception(error, trace)  # type: ignore[attr-defined]
    text = trace.getvalue()
    at = text.rfind(_FILE)
    where = "?"
    if at >= 0:
        path, _, rest = text[at + len(_FILE) :].partition('", line ')
        where = "%s:%s" % (path.rsplit("/", 1)[-1], rest.split(",", 1)[0])
    told = ("%s %s" % (type(error).__name__, where)).encode()[:_ROOM]
    state.crash[:] = told + bytes(_ROOM - len(told))
    state.crashes = min(state.crashes + 1, 255)


def last() -> str:
    """What `note` kept, or nothing."""
    return bytes(state.crash).rstrip(b"\0").decode()


def forget() -> None:
    """It has been told."""
    state.crash[:] = bytes(_ROOM)
