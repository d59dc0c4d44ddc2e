"""The serial line to a tag on the workbench: MicroPython's raw prompt, spoken by mpremote.

Everything goes over the line itself. Nothing is an argument of a program, where any user of this computer could read it
in the list of processes, and the raw prompt echoes nothing.
"""

import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any, Final

from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport

_RESET_S: Final = 0.1
_STARTING_S: Final = 2.0
_KNOCK_S: Final = 0.02
_INTERRUPT: Final = b"\x03"
_MPY: Final = 6  # the format of compiled modules that mpy-cross makes

# A tag's watchdog cannot be stopped once the application runs; it can be told to wait.
_PATIENCE: Final = "import machine\nmachine.WDT(timeout=600_000)"


class LineFailed(Exception):
    """The board did not do what was asked. Says what, and what to look at."""


class Line:
    """An open line to a board that waits at its prompt."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport

    def tag_id(self) -> str:
        """The lower-case hexadecimal of the chip's unique id."""
        return self._ask("from binascii import hexlify\nprint(hexlify(machine.unique_id()).decode())")

    def kind(self) -> str:
        """What the tag was provisioned for.

        Raises:
            LineFailed: it has no application yet, or was not provisioned.
        """
        found = self._ask(
            "try:\n from tag import config\n print(config.load().kind)\n"
            "except ImportError: print('no application: do `kitback tag deploy`')\n"
            "except config.NotProvisioned as e: print('not provisioned: do `kitback tag provision` (%s)' % e)"
        ).splitlines()[-1]
        if " " in found:
            raise LineFailed(f"the board has {found}" if found.startswith("no ") else f"the tag is {found}")
        return found

    def fit(self, call: str) -> dict[str, Any]:
        """Do one call of firmware/tag/fit.py; what it measured, or `refused` and why.

        The board is told anew to be patient, for between two calls somebody walks around a bed.
        """
        said = self._ask(
            f"{_PATIENCE}\nimport json\nfrom tag import fit\n"
            f"try: r = fit.{call}\nexcept fit.NotFitted as e: r = {{'refused': str(e)}}\nprint(json.dumps(r))"
        )
        return dict(json.loads(said.splitlines()[-1]))

    def require_mpy(self) -> None:
        """Raises LineFailed unless the board's MicroPython runs the modules that we compile."""
        found = self._ask("import sys\nprint(getattr(sys.implementation, '_mpy', 0) & 0xff)")
        if found != str(_MPY):
            raise LineFailed(
                f"the board's MicroPython wants compiled modules of format {found}, ours have {_MPY}: "
                "put MicroPython 1.24 or newer on it with `kitback tag flash`"
            )

    def keep(self, key: str, value: bytes) -> None:
        """Put bytes into the tag's NVS, and see that they are there."""
        self._ask(f"import esp32\nn = esp32.NVS('kitback')\nv = {value!r}\nn.set_blob({key!r}, v)\nn.commit()")
        if self._ask(f"b = bytearray({len(value)})\nprint(n.get_blob({key!r}, b) == len(v) and b == v)") != "True":
            raise LineFailed("the tag did not keep what was written into its NVS")

    def count_from(self, key: str, least: int) -> None:
        """Let a counter in the tag's NVS be at least this."""
        self._ask(
            f"import esp32\nn = esp32.NVS('kitback')\ntry: c = n.get_i32({key!r})\nexcept OSError: c = 0\n"
            f"if c < {least}:\n n.set_i32({key!r}, {least})\n n.commit()"
        )

    def remove(self, path: str) -> None:
        """Remove a file or a folder with all that is in it, if it exists."""
        self._ask(
            "import os\n"
            "def rm(p):\n"
            " try:\n"
            "  if os.stat(p)[0] & 0x4000:\n"
            "   for e in list(os.ilistdir(p)): rm(p + '/' + e[0])\n"
            "   os.rmdir(p)\n"
            "  else: os.remove(p)\n"
            " except OSError as e:\n"
            "  if e.errno != 2: raise\n"
            f"rm({path!r})"
        )

    def put(self, path: str, data: bytes) -> None:
        """Write a file, making the folders above it."""
        parts = path.split("/")
        for i in range(1, len(parts)):
            folder = "/".join(parts[:i])
            self._ask(f"import os\ntry: os.mkdir({folder!r})\nexcept OSError as e:\n if e.errno != 17: raise")
        with _told(f"writing {path}"):
            self._transport.fs_writefile(path, data)

    def restart(self) -> None:
        """Let the board start anew with what it has been given, and take that for no crash."""
        # Whatever is wrong with the application on it, a board that was just given another one has to start.
        with _told("restarting the board"):
            self._transport.exec_raw_no_follow(
                "try:\n from tag import retained\n retained.expect_reset()\nexcept Exception: pass\n"
                "import machine\nmachine.reset()"
            )

    def _ask(self, code: str) -> str:
        with _told("talking to the board"):
            return str(self._transport.exec(code).decode().strip())


@contextlib.contextmanager
def opened(port: str) -> Iterator[Line]:
    """A line to the board on a serial port, whatever it was doing before.

    Raises:
        LineFailed: there is no such port, or no MicroPython answers on it.
    """
    try:
        transport = SerialTransport(port, timeout=5)
    except (TransportError, OSError) as error:
        raise LineFailed(f"cannot open {port}: {error}; is the board plugged in, and may you use the port?") from None
    try:
        _wake(transport.serial)
        try:
            transport.enter_raw_repl(soft_reset=False, timeout_overall=5)
        except (TransportError, OSError):
            raise LineFailed(
                f"no MicroPython answers on {port}: press the board's reset button and try again at once, "
                "or put MicroPython on it with `kitback tag flash`"
            ) from None
        line = Line(transport)
        line._ask(_PATIENCE)
        yield line
    finally:
        transport.close()


def _wake(serial: Any) -> None:
    """Start the board, which may be asleep for hours, and interrupt it before it sleeps again."""
    with contextlib.suppress(OSError):  # a port without a reset line
        serial.dtr = False
        serial.rts = True
        time.sleep(_RESET_S)
        serial.rts = False
    until = time.monotonic() + _STARTING_S
    heard = b""
    while time.monotonic() < until and not heard.endswith(b">>> "):
        serial.write(_INTERRUPT)
        time.sleep(_KNOCK_S)
        heard = (heard + serial.read(serial.in_waiting))[-80:]


@contextlib.contextmanager
def _told(doing: str) -> Iterator[None]:
    """Say what failed in one line. Never the code that was sent: there are secrets in it."""
    try:
        yield
    except TransportExecError as error:
        lines = error.error_output.strip().splitlines() or ["no reason given"]
        raise LineFailed(f"{doing} failed; the board says: {lines[-1]}") from None
    except (TransportError, OSError) as error:
        raise LineFailed(f"{doing} failed: {error}; is it still plugged in?") from None
