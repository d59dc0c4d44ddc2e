"""Lives of the application on the virtual board, with everything on the way to the gateway metered."""

import contextlib
import json
import select
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import lives
from authority import Authority
from brokers import Mosquitto
from kitback.fleet import application
from kitback.virtual.tag import HEAP, firmware, micropython
from name_server import NameServer
from paper_gateway import PaperGateway

_HOST, _PORT, _ADDRESS = "broker.test", 8883, "192.0.2.7"
_NAME_SERVER = ("192.168.1.1", 53)
_AGAIN = 3  # exit code of firmware/virtual/run.py: start me again


@dataclass
class Talk:
    """One connection of the tag: the sizes of what went each way, as it came off the socket."""

    up: list[int] = field(default_factory=list)
    down: list[int] = field(default_factory=list)


class Meter:
    """Stands between the tag and the broker, and passes on what comes at once."""

    def __init__(self, port: int) -> None:
        self.talks: list[Talk] = []
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._watch, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _watch(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                tag, _ = self._listener.accept()
                talk = Talk()
                self.talks.append(talk)
                threading.Thread(target=self._carry, args=(tag, talk), daemon=True).start()

    def _carry(self, tag: socket.socket, talk: Talk) -> None:
        with tag, socket.create_connection(("127.0.0.1", self._to)) as broker, contextlib.suppress(OSError):
            for each in (tag, broker):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ways = {tag: (broker, talk.up), broker: (tag, talk.down)}
            while True:
                for side in select.select([*ways], [], [])[0]:
                    said = side.recv(65536)
                    if not said:
                        return
                    other, sizes = ways[side]
                    sizes.append(len(said))
                    other.sendall(said)


@dataclass(frozen=True)
class Life:
    """What became of a tag."""

    log: str
    well: bool
    """Whether it lived to the end."""
    talks: list[Talk]
    took_s: float
    directory: Path


class Rig:
    """A broker with and without TLS, a gateway on paper, and tags that live one after the other."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lives = 0
        self._authority = Authority()
        self._tls_port, lines = self._authority.listener(directory, _HOST)
        self._broker = Mosquitto(directory, lines + "allow_anonymous true\n")
        self._broker.start()
        self._gateway = PaperGateway(self._broker.port, lives.SECRET)
        self._names = NameServer(_ADDRESS)
        self.compiled = _compiled(directory / "compiled")

    def close(self) -> None:
        self._names.close()
        self._gateway.close()
        self._broker.stop()

    def live(
        self,
        kind: str,
        days: float,
        events: list[lives.Told],
        *,
        tls: bool = False,
        backlog: int = 0,
        tree: Path | None = None,
        heap: str = HEAP,
    ) -> Life:
        """Let a tag on battery live.

        Args:
            backlog: records that are in its journal before.
            tree: compiled firmware, which has a process to itself after each deep sleep; without it the sources run.
        """
        self._lives += 1
        directory = self._directory / str(self._lives)
        directory.mkdir()
        if backlog:
            lives.age(directory, on_micropython, backlog)
        meter = Meter(self._tls_port if tls else self._broker.port)
        tag_id = f"24a1b2c3{self._lives:04x}"
        world = lives.world(days, events, tag_id, mains=0)
        provision = lives.provision(kind, meter.port)
        if tls:
            routes = {_NAME_SERVER: ("127.0.0.1", self._names.port), (_ADDRESS, _PORT): ("127.0.0.1", meter.port)}
            world = replace(world, routes=routes)
            provision |= {"broker": [_HOST, _PORT], "ca": self._authority.der.hex(), "unix": int(time.time())}
        world.write(directory / "world")
        with (directory / "nvs").open("a", encoding="ascii") as nvs:
            nvs.write(f"kitback provision blob {json.dumps(provision).encode().hex()}\n")
        run = (tree or firmware()) / "virtual" / "run.py"
        command = [micropython(), "-X", f"heapsize={heap}", str(run), str(directory), "0", "1" if tree else "0"]
        log = ""
        began = time.perf_counter()
        while True:
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
            log += done.stdout + done.stderr
            if done.returncode != _AGAIN:
                break
        meter.close()
        return Life(log, done.returncode == 0, meter.talks, time.perf_counter() - began, directory)


@contextlib.contextmanager
def opened(directory: Path) -> Iterator[Rig]:
    """A rig that lives in a directory."""
    rig = Rig(directory)
    try:
        yield rig
    finally:
        rig.close()


def on_micropython(script: str, given: Any = None) -> Any:
    """Run a script with the firmware in reach; what it prints last is the answer. Both pass through JSON."""
    standin = Path(lives.__file__).parent / "firmware" / "standin"
    done = subprocess.run(
        [micropython(), "-c", f"import json, sys\ngiven = json.load(sys.stdin)\n{script}"],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        env={"MICROPYPATH": f"{standin}:{firmware()}:.frozen"},
        check=True,
        timeout=60,
    )
    return json.loads(done.stdout.splitlines()[-1])


def _compiled(tree: Path) -> Path:
    """The firmware as it is on a board, with the virtual board around it."""
    shutil.copytree(firmware() / "virtual", tree / "virtual")
    for name in application.STARTS:
        shutil.copy(firmware() / name, tree)
    for name, code in application.compiled(firmware()).items():
        # On the virtual board the application lies beside its MQTT client's folder, as in the checkout.
        path = tree / (name.removeprefix("lib/") if name.startswith("lib/tag/") else name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(code)
    return tree
