"""Who does what where several gateways share a register: a lease is held until it runs out or is given back.

Time is the database's own, for the gateways' clocks differ. A lease is a promise only together with `Leases.check` in
the transaction that relies on it: whoever has slept through the end of a lease is stopped there.
"""

import os
import secrets
import time
from collections.abc import Iterable, Set
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from kitback.register.failures import RegisterError
from kitback.register.store import Register
from kitback.register.tables import lease
from kitback.register.upsert import insert

SECONDS: Final = 10.0
"""How long a lease lasts; a gateway that has lost its machine is missed for as long."""
_PRESENCE: Final = "worker "
"""Begins the name of the lease that every worker has on itself, so that the others can count it."""


def _machine() -> str:
    """What tells apart machines, their restarts, and containers: process ids mean the same where this is the same."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        return f"{boot[:8]}-{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return secrets.token_hex(8)


_MACHINE: Final = _machine()


class LeaseLost(RegisterError):
    """Another gateway has taken over what this one was doing."""


class Leases:
    """The leases of one gateway."""

    def __init__(self, register: Register, seconds: float = SECONDS) -> None:
        """Prepare; nothing is held yet. Renew well within `seconds`."""
        self._register = register
        self.seconds = seconds
        self.holder = f"{_MACHINE}/{os.getpid()}/{_started(os.getpid())}/{secrets.token_hex(4)}"
        self._share: frozenset[str] = frozenset()
        self._leads_until: dict[str, float] = {}

    def share(self, names: Set[str], deaf: bool = False) -> frozenset[str]:
        """Hold a fair part of `names`: renew, take over what nobody holds, and give back what others should have.

        Args:
            deaf: we can do nothing with them: whoever else is there should have them all.

        Returns:
            What is held now; `check` is about these.

        Raises:
            RegisterError: the database failed. What was held is held until its time is up.
        """
        with self._register.write(beside=True) as conn:
            if not deaf:
                self._take(conn, _PRESENCE + self.holder, (), self.seconds)
            holders, gone = _standing(conn, self.seconds)
            others = {name for name in holders if name.startswith(_PRESENCE)} - {_PRESENCE + self.holder}
            fair = 0 if deaf and others else -(-len(names) // (len(others) + 1))
            ours_or_free = [name for name in names if holders.get(name, self.holder) == self.holder]
            ours_or_free.sort(key=lambda name: (name not in holders, name))  # nothing changes hands without need
            # In the same order everywhere: two gateways must not wait for each other.
            held = frozenset(name for name in sorted(ours_or_free[:fair]) if self._take(conn, name, gone, self.seconds))
            surplus = sa.and_(lease.c.name.in_(sorted(names - held)), lease.c.holder == self.holder)
            absent = sa.and_(lease.c.name.startswith(_PRESENCE), _is_over(conn, self.seconds))
            ours = lease.c.name == _PRESENCE + self.holder
            conn.execute(sa.delete(lease).where(sa.or_(surplus, absent, *([ours] if deaf else []))))
        self._share = held
        return held

    def check(self, conn: sa.Connection) -> None:
        """Make sure, until this transaction ends, that nobody else has taken over what `share` returned last.

        Raises:
            LeaseLost: somebody has.
        """
        ours = sa.select(lease.c.name).where(lease.c.name.in_(sorted(self._share)), lease.c.holder == self.holder)
        lost = self._share - set(conn.scalars(ours.with_for_update(read=True)))
        if lost:
            raise LeaseLost(f"another gateway has taken over {', '.join(sorted(lost))}")

    def leads(self, task: str, seconds: float = SECONDS) -> bool:
        """Whether we do a task that one gateway does for all; to be asked before each piece of it.

        Args:
            seconds: how long it is ours without being asked again.

        Raises:
            RegisterError: the database failed.
        """
        now = time.monotonic()
        if now < self._leads_until.get(task, 0.0):
            return True
        with self._register.write(beside=True) as conn:
            holder = conn.scalar(sa.select(lease.c.holder).where(lease.c.name == task))
            leads = self._take(conn, task, [holder] if holder and _is_gone(holder) else (), seconds)
        if leads:
            self._leads_until[task] = now + seconds / 2
        return leads

    def give_back(self) -> None:
        """Give back everything, so that nobody has to wait.

        Raises:
            RegisterError: the database failed; the leases run out by themselves.
        """
        with self._register.write(beside=True) as conn:
            conn.execute(sa.delete(lease).where(lease.c.holder == self.holder))

    def _take(self, conn: sa.Connection, name: str, gone: Iterable[str], seconds: float) -> bool:
        """Take or renew a lease that is free, over, ours, or of a holder known to be gone; in one statement."""
        now = _now(conn)
        new = insert(conn, lease).values(name=name, holder=self.holder, until_s=now + seconds)
        free = sa.or_(lease.c.holder.in_([self.holder, *gone]), _is_over(conn, seconds))
        values = {"holder": new.excluded.holder, "until_s": new.excluded.until_s}
        taking = new.on_conflict_do_update(index_elements=["name"], set_=values, where=free)
        return conn.scalar(taking.returning(lease.c.name)) is not None


def _standing(conn: sa.Connection, seconds: float) -> tuple[dict[str, str], set[str]]:
    """The leases that last, with their holders; and the holders known to be gone."""
    rows = conn.execute(sa.select(lease.c.name, lease.c.holder, _is_over(conn, seconds).label("over"))).all()
    gone = {holder for holder in {row.holder for row in rows} if _is_gone(holder)}
    return {row.name: row.holder for row in rows if not row.over and row.holder not in gone}, gone


def _is_over(conn: sa.Connection, seconds: float) -> sa.ColumnElement[bool]:
    """Whether a lease, of so many seconds, is over. One that lies further ahead was made before the clock was put back,
    and its holder, if there still is one, would have renewed it since; twice as far, for clocks are also put right."""
    now = _now(conn)
    return sa.or_(lease.c.until_s <= now, lease.c.until_s > now + 2 * max(seconds, SECONDS))


def _now(conn: sa.Connection) -> sa.ColumnElement[float]:
    """The database's Unix time, with fractions."""
    if conn.dialect.name == "postgresql":
        return sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Float)
    return sa.literal_column("((julianday('now') - 2440587.5) * 86400.0)", sa.Float)


def _started(pid: int) -> str | None:
    """When a process of this machine started, in ticks; None if it has ended."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state in "ZX" else rest[18]


def _is_gone(holder: str) -> bool:
    """Whether a holder was a process of this machine that has ended: there is no need to wait for its leases."""
    machine, pid, started, _ = holder.split("/")
    return machine == _MACHINE and _started(int(pid)) != started
