"""Puts the parts together: broker, intake, watch, history and pages, as threads of one process."""

import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import iotcore
import msgspec
import uvicorn
from msgspec import Meta, Struct

from kitback.clock import Clock, now_s
from kitback.history import Drain, Eraser, Influx, Upkeep
from kitback.intake import Broker, Intake, ShardGroups, Worker, WrongGroups, sessions_for, settle_groups
from kitback.locate import Locator, fingerprint, load_pepper
from kitback.policy import load as load_policy
from kitback.register import Register, RegisterError, outbox
from kitback.register.leases import Leases
from kitback.register.settled import settle
from kitback.watch import judge
from kitback.web import create_app

log = logging.getLogger(__name__)

_LOOPBACK: Final = "127.0.0.1"
_STARTED_S: Final = 10.0
_STOPPED_S: Final = 25.0
"""Longer than a thread may wait to write to the register."""
_AGAIN_S: Final = 60.0
"""When to try again what failed for no known reason."""


class History(Struct, frozen=True, forbid_unknown_fields=True):
    """Which InfluxDB the history goes to."""

    url: str
    token: str
    org: str
    bucket: str

    def __post_init__(self) -> None:
        # The address is shown wherever it is told how history stands.
        if "@" in self.url:
            raise ValueError(
                "`url` holds a user or a password, which anybody would see: take what is before the @ out of it, and "
                'give it as `token`, to InfluxDB 1.8 as "user:password"'
            )


class Web(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the pages are served; port 0 is any free one."""

    host: str = _LOOPBACK
    port: int = 8080


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a gateway needs to know."""

    register: str
    """The register: a file or a database URL."""
    pepper: str
    """The file that holds the key over the anchors' hashes; made on first use. One for all gateways on a register."""
    broker: Broker | None = None
    """The broker to use; None starts the embedded one, for this machine only."""
    embedded_port: int = 1883
    """Where the embedded broker listens; 0 is any free port."""
    root: str = "kitback"
    """The first level of all MQTT topics; settled by a register's first start."""
    policy: str | None = None
    """The service's policy file; None is the defaults."""
    influx: History | None = None
    """None keeps the history in the outbox until there is one."""
    outbox_mib: Annotated[int, Meta(ge=1)] | None = None
    """How much history the outbox may hold, in MiB; None is a quarter of the register's disk."""
    web: Web | None = None
    """None serves no pages."""
    feeds: dict[str, Annotated[str, Meta(min_length=16)]] = {}
    """The tokens of the provider's systems that may tell of loans at /api/feed, by the names we give those systems."""
    watch_every_s: float = 60.0
    shard_groups: ShardGroups = 1
    """Sessions that the tags are divided among, for as many gateways at most; settled by a register's first start."""


class ConfigError(Exception):
    """The configuration says something that cannot be used."""


class ServiceError(Exception):
    """The gateway could not start, or a part of it failed; the message says which and why."""


def read_config(settings: Mapping[str, Any]) -> Config:
    """The configuration that a TOML or JSON document holds.

    Raises:
        ConfigError: something in it is missing, unknown or of the wrong type; the message says where.
    """
    try:
        return msgspec.convert(settings, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"the gateway's configuration is wrong: {error}") from error


class Gateway:
    """One gateway: everything between the broker and the worklist."""

    def __init__(self, config: Config, clock: Clock) -> None:
        """Prepare a gateway; `start` does everything that can fail."""
        self._config = config
        self._clock = clock
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._undo: list[Callable[[], object]] = []
        self._failure: str | None = None
        self.broker: Broker | None = config.broker
        """The broker in use; with the embedded one, known once started."""
        self.web_url: str | None = None
        """Where the pages are, once started."""

    def start(self) -> None:
        """Start all parts. Tags can be answered when this returns, unless a configured broker is away.

        Raises:
            ServiceError: a part cannot start; nothing is left running.
            RegisterError: the register cannot be opened.
            PolicyError: the policy file cannot be used.
            StylesMissing: the pages' styles are not installed.
        """
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the gateway is stopped, or `timeout` seconds.

        Raises:
            ServiceError: a part of it failed; it has to be stopped.
        """
        self._stopping.wait(timeout)
        if self._failure is not None:
            raise ServiceError(self._failure)

    def stop(self) -> None:
        """Stop all parts; what was not acknowledged comes again when the gateway does."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(_STOPPED_S)
            if thread.is_alive():
                log.error("the %s does not stop", thread.name)
        self._threads.clear()
        while self._undo:
            self._undo.pop()()

    def _start(self) -> None:
        config = self._config
        register = Register.open(config.register)
        self._undo.append(register.close)
        policy = load_policy(Path(config.policy) if config.policy else None)
        pepper = self._settle(register)
        self.broker = broker = config.broker or self._start_broker()
        influx = self._make_room(register)
        leases = Leases(register)
        self._undo.append(lambda: self._give_back(leases))
        intake = Intake(register, self._clock, config.root, Locator(pepper), leases.check)
        worker = Worker(intake, sessions_for(broker, config.root, register.epoch, config.shard_groups), leases)
        worker.share()  # before the watch begins, so that it knows whether anybody has listened

        def watch() -> None:
            if leases.leads("watch", 2 * config.watch_every_s):
                judge(register, policy, now_s(self._clock))

        self._run("intake", lambda: worker.run(self._stopping))
        self._run("watch", lambda: self._repeat(watch, config.watch_every_s))
        if influx is not None:
            drain, eraser = Drain(register, self._clock, influx), Eraser(register, self._clock, influx)

            def history() -> float:
                eraser.run_once()
                return drain.run_once().wait_s

            self._run("history", lambda: self._led(leases, "history", history))
        upkeep = Upkeep(register, self._clock)
        self._run("upkeep", lambda: self._led(leases, "upkeep", upkeep.run_once))
        if config.web is not None:
            self._start_web(create_app(register, self._clock, policy, config.feeds), config.web)
        self._await(worker)

    def _await(self, worker: Worker) -> None:
        deadline = time.monotonic() + _STARTED_S
        while not worker.joined.wait(0.05):
            self.wait(0)
            if time.monotonic() > deadline:
                # A configured broker may come later: the session goes on seeking it, the rest is of use without.
                if self._config.broker is None:
                    raise ServiceError(f"the embedded broker let nobody in within {_STARTED_S:.0f} s; see the log")
                return

    def _give_back(self, leases: Leases) -> None:
        try:
            leases.give_back()
        except RegisterError as error:
            log.error("%s; another gateway has to wait until the leases run out", error)

    def _settle(self, register: Register) -> bytes:
        """Agree with the register's first start, and so with every gateway on it; returns the pepper."""
        config = self._config
        try:
            settle_groups(register, config.shard_groups)
        except WrongGroups as error:
            raise ServiceError(str(error)) from error
        root = settle(register, "root", config.root)
        if root != config.root:
            raise ServiceError(
                f'root = "{config.root}", but this register was begun with "{root}", and its sessions on the broker '
                f'stay subscribed to that: set root = "{root}"'
            )
        try:
            pepper = load_pepper(Path(config.pepper))
        except (OSError, ValueError) as error:
            raise ServiceError(f"the pepper cannot be read: {error}") from error
        if settle(register, "pepper", fingerprint(pepper)) != fingerprint(pepper):
            raise ServiceError(
                f"the pepper in {config.pepper} is not the one that this register was begun with and knows its anchors "
                "by: put there the file of the gateway that began it, or its backup; docs/gateways.md says what to do "
                "if there is none"
            )
        return pepper

    def _start_broker(self) -> Broker:
        port = self._config.embedded_port or _free_port()
        embedded = iotcore.Broker(port=port, listen=_LOOPBACK)
        try:
            embedded.start()
        except (OSError, RuntimeError) as error:
            raise ServiceError(
                f"the embedded broker cannot listen on port {port}: {error}; is another broker running? "
                "Choose another port, or configure that broker"
            ) from error
        self._undo.append(embedded.stop)

        def check() -> None:
            if not embedded.is_running:
                raise ServiceError("the embedded broker has died")

        self._run("broker", lambda: self._repeat(check, 1.0))
        return Broker(_LOOPBACK, port)

    def _start_web(self, app: Any, web: Web) -> None:
        try:
            listener = socket.create_server((web.host, web.port))
        except OSError as error:
            raise ServiceError(f"the pages cannot be served on {web.host}:{web.port}: {error.strerror}") from error
        self._undo.append(listener.close)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))

        def end() -> None:
            self._stopping.wait()
            server.should_exit = True

        self._run("web", lambda: server.run([listener]))
        self._run("end of the web", end)
        self.web_url = f"http://{web.host}:{listener.getsockname()[1]}/"

    def _make_room(self, register: Register) -> Influx | None:
        """Say in the register how much history may be kept, and for whom; returns the InfluxDB, if there is one."""
        told, influx = self._config.influx, None
        if told is not None:
            influx = Influx(told.url, told.token, told.org, told.bucket)
            self._undo.append(influx.close)
        mib = self._config.outbox_mib
        with register.write() as conn:
            outbox.set_cap(conn, outbox.default_cap(register.engine) if mib is None else mib << 20)
            outbox.retire_sinks(conn, but=[influx.name] if influx else [])
        return influx

    def _led(self, leases: Leases, name: str, work: Callable[[], float]) -> None:
        """Do what one gateway of several does, again and again until stopped; it says after how many seconds.

        No record depends on it, so nothing that goes wrong here may stop the intake.
        """
        while not self._stopping.is_set():
            try:
                wait_s = work() if leases.leads(name) else 1.0
            except RegisterError as error:
                wait_s = 1.0
                log.error("the %s waits: %s", name, error)
            except Exception:  # told with all there is to know; the tags must be heard whatever befalls the history
                wait_s = _AGAIN_S
                log.exception("the %s failed; next try in %.0f s", name, wait_s)
            self._stopping.wait(wait_s)

    def _repeat(self, work: Callable[[], None], every_s: float) -> None:
        """Do something again and again until stopped; the register may fail meanwhile."""
        while not self._stopping.is_set():
            try:
                work()
            except RegisterError as error:
                log.error("%s; next try in %.0f s", error, every_s)
            self._stopping.wait(every_s)

    def _run(self, name: str, work: Callable[[], object]) -> None:
        """Run a part in a thread of its own; if it fails, everything stops, and says why."""

        def guarded() -> None:
            try:
                work()
                if not self._stopping.is_set():
                    raise ServiceError("it ended by itself")
            except BaseException as error:  # a server may also exit
                log.critical("the %s failed, the gateway stops", name, exc_info=True)
                self._failure = f"the {name} failed: {error}"
                self._stopping.set()

        thread = threading.Thread(target=guarded, name=name)
        self._threads.append(thread)
        thread.start()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        return int(probe.getsockname()[1])
