"""The gateway as a process of its own, which can be killed at any moment and started again."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

from brokers import free_port
from influx import Bucket
from kitback.locate import load_pepper

_DOOMED = Path(__file__).with_name("doomed.py")
_PATIENCE = 20.0


class GatewayProcess:
    """`kitback gateway` on a configuration of its own in `folder`, where its register and its log are as well."""

    def __init__(
        self,
        folder: Path,
        *,
        broker_port: int | None = None,
        bucket: Bucket | None = None,
        register: Path | None = None,
        more: str = "",
    ) -> None:
        """Write the configuration; `start` runs it. Use it as a context, after which it does not run any more.

        Args:
            broker_port: of the broker to use; None is the embedded one.
            bucket: where history goes; None keeps it in the outbox.
            register: elsewhere than in `folder`.
            more: lines of configuration.
        """
        self.register = register or folder / "register.db"
        self.port = broker_port or free_port()
        """Where tags find the broker."""
        self.log = folder / "log"
        self._config = folder / "kitback.toml"
        pepper = self.register.parent / "pepper"
        load_pepper(pepper)  # before two gateways make it at once
        lines = [f'register = "{self.register}"', f'pepper = "{pepper}"', more, "[web]", "port = 0"]
        if broker_port is None:
            lines.insert(0, f"embedded_port = {self.port}")
        else:
            lines += ["[broker]", 'host = "127.0.0.1"', f"port = {broker_port}"]
        if bucket is not None:
            lines += [
                "[influx]",
                *(f'{name} = "{getattr(bucket, name)}"' for name in ("url", "token", "org", "bucket")),
            ]
        self._config.write_text("\n".join(lines) + "\n")
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("KITBACK_")}
        self._environment["PYTHONUNBUFFERED"] = "1"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self, die_at: str = "statement:0") -> None:
        """Start it without waiting for it; it dies at that step, see `doomed`."""
        assert self._process is None
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, _DOOMED, die_at, "gateway", "--config", self._config],
                env=self._environment,
                stdout=log,
                stderr=log,
            )

    def died(self) -> bool:
        """Whether it is not running; it may be started again then. Fails if it ended in any other way than killed."""
        if self._process is None:
            return True
        ended = self._process.poll()
        if ended is None:
            return False
        assert ended == -signal.SIGKILL, f"the gateway ended by itself: {ended}\n{self.said()}"
        self._process = None
        return True

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal; SIGSTOP puts it to sleep, as a machine does that is suspended."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_PATIENCE)
            self._process = None

    def stop(self) -> None:
        """End it as its supervisor does."""
        assert self._process is not None, self.said()
        self._process.terminate()
        ended = self._process.wait(_PATIENCE)
        self._process = None
        assert ended == 0, self.said()

    def said(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-4000:]
