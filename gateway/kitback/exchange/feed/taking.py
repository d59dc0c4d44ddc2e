"""Takes messages in, many or few: what is news goes into the register, in short transactions; the rest is counted.

Nothing is held in memory but a few hundred messages, and what was taken stays taken: a file whose reading was cut off
is read again from its beginning, and ends the same.
"""

import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from itertools import islice
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct

from kitback.exchange.feed import told
from kitback.exchange.feed.bring import bring
from kitback.exchange.feed.message import Fact, Said
from kitback.exchange.feed.want import Waits, ended
from kitback.policy import Policy
from kitback.register import Register, counters, feeds, places
from kitback.register.tables import feed_item, loan, place
from kitback.register.upsert import among, put, texts

_AT_ONCE: Final = 250
"""Messages that are looked at together."""
_DAY: Final = 86_400
_BUDGET_S: Final = 0.02
"""A transaction takes no further message after so long: reports have to be taken in meanwhile."""


class Outcome(StrEnum):
    """What came of a message."""

    APPLIED = "applied"
    """It changed the register."""
    KEPT = "kept"
    """It is news, but changes nothing in the register."""
    WAITING = "waiting"
    """All or some of it could not be applied: `troubles` says why."""
    UNCHANGED = "unchanged"
    """It is no news."""
    PASSED_OVER = "passed_over"
    """The loan is over for so long that it would be erased here: nothing of it is kept."""


class Taken(Struct, frozen=True):
    """What came of one message."""

    external_id: str
    outcome: Outcome
    trouble: str | None = None


class _OnlyTriedError(Exception):
    """Takes a transaction back."""


class Taking:
    """Takes the messages of one source."""

    def __init__(self, register: Register, policy: Policy, source: str, now_s: int, *, dry_run: bool = False) -> None:
        """Prepare to take.

        Args:
            dry_run: say what would come of each message now, by itself, and change nothing.
        """
        self._register = register
        self._policy = policy
        self._source = source
        self._now_s = now_s
        self._dry_run = dry_run
        self.told_to_s = 0
        """When the latest message was said."""

    def take(self, messages: Iterable[Said], whole_s: int | None = None) -> Iterator[Taken]:
        """Take messages, and say of each what came of it.

        Args:
            whole_s: they are all that the source knew at that moment; None: they are changes.

        Raises:
            RegisterError: the database failed; what was taken until then stays, and taking all again does the rest.
        """
        coming = iter(messages)
        while some := list(islice(coming, _AT_ONCE)):
            yield from self._some(some, whole_s)

    def take_in(self, conn: sa.Connection, messages: Iterable[Said], whole_s: int | None = None) -> list[Taken]:
        """As `take`, in the caller's transaction."""
        feeds.hear(conn, self._source, self._now_s, None)
        taken = [self._one(conn, each, whole_s) for each in messages]
        counters.add(conn, _counted(Counter(each.outcome for each in taken)))
        return taken

    def miss(self, whole_s: int) -> int:
        """What was not among all that the source knew at that moment has a trouble now; returns how many have."""
        over = sa.exists().where(loan.c.loan_ref == feed_item.c.loan_ref, loan.c.to_s.is_not(None))
        missed = sa.select(feed_item.c.external_id).where(
            feed_item.c.source == self._source, feed_item.c.told_s < whole_s, ~over
        )
        with self._register.read() as conn:
            ids = conn.scalars(missed.order_by(feed_item.c.external_id)).all()
        gone = [Said(each, whole_s, {told.LISTED: False}) for each in ids]
        return sum(each.outcome is Outcome.WAITING for each in self._each(gone))

    def retry(self) -> int:
        """Try again what waits: its cause may have been mended since. Returns how many wait no more."""
        mine = (feed_item.c.source == self._source, feed_item.c.trouble.is_not(None))
        with self._register.read() as conn:
            rows = conn.execute(sa.select(feed_item.c.external_id, feed_item.c.asset_id).where(*mine)).all()
        assets = sorted({row.asset_id for row in rows if row.asset_id})
        while assets:
            with self._writing() as conn:
                begun = time.monotonic()
                while assets and time.monotonic() - begun < _BUDGET_S:
                    bring(conn, self._policy, [assets.pop()])
        with self._register.read() as conn:
            left = conn.scalar(sa.select(sa.func.count()).select_from(feed_item).where(*mine)) or 0
        return len(rows) - left

    def end(self, told_to_s: int) -> None:
        """The source has told all it knew up to that moment, by its own clock."""
        with self._register.read() as conn:
            known = next((each for each in feeds.feeds(conn) if each.source == self._source), None)
        if known is None or known.told_to_s is None or known.told_to_s < told_to_s:
            with self._writing() as conn:
                feeds.hear(conn, self._source, self._now_s, told_to_s)

    def refuse(self, count: int) -> None:
        """So many could not be read: they are counted."""
        if count:
            with self._writing() as conn:
                counters.add(conn, {"feed.refused": count})

    def _some(self, some: list[Said], whole_s: int | None) -> Iterator[Taken]:
        """What is no news, or over for long, is done with at once: most of a nightly file is."""
        with self._register.read() as conn:
            known = self._known(conn, {each.external_id for each in some})
            # What is told twice here is for `_one`, which knows what it has taken.
            times = Counter(each.external_id for each in some)
            new = {name for name, count in times.items() if count == 1} - known.keys()
            past = {
                each.external_id
                for each in some
                if each.external_id in new and self._is_past(conn, None, told.facts(_with({}, each, None)))
            }
        news: list[Said] = []
        done: list[Taken] = []
        for each in some:
            self.told_to_s = max(self.told_to_s, each.said_s)
            if each.external_id in past:
                done.append(Taken(each.external_id, Outcome.PASSED_OVER))
                continue
            before = known.get(each.external_id, {})
            after = _with(before, each, whole_s)
            if after == before and all(before.get(name) == (each.said_s, fact) for name, fact in each.facts.items()):
                done.append(Taken(each.external_id, Outcome.UNCHANGED))
            else:
                news.append(each)
            known[each.external_id] = after
        if done:
            with self._writing() as conn:
                counters.add(conn, _counted(Counter(each.outcome for each in done)))
        yield from done
        yield from self._each(news, whole_s)

    def _each(self, news: list[Said], whole_s: int | None = None) -> Iterator[Taken]:
        """Those that are news, in transactions that keep others waiting for moments only."""
        left = deque(news)
        while left:
            with self._writing() as conn:
                begun = time.monotonic()
                some = self.take_in(conn, _until(left, begun + _BUDGET_S), whole_s)
            yield from some

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """A transaction, of which nothing stays if this is only a try."""
        with suppress(_OnlyTriedError), self._register.write() as conn:
            yield conn
            if self._dry_run:
                raise _OnlyTriedError

    def _one(self, conn: sa.Connection, said: Said, whole_s: int | None) -> Taken:
        key = (feed_item.c.source == self._source, feed_item.c.external_id == said.external_id)
        row = conn.execute(sa.select(feed_item).where(*key).with_for_update()).one_or_none()
        before = told.load(row.told) if row else {}
        after = _with(before, said, whole_s)
        if self._is_past(conn, row, told.facts(after)):
            conn.execute(sa.delete(feed_item).where(*key))
            return Taken(said.external_id, Outcome.PASSED_OVER)
        # What was said before what is known already may name a place as well.
        self._place(conn, said)
        if after == before:
            return Taken(said.external_id, Outcome.UNCHANGED)
        facts = told.facts(after)
        kept = {
            "source": self._source,
            "external_id": said.external_id,
            "asset_id": facts.get("asset"),
            "told": told.dump(after),
            "told_s": max(at for at, _ in after.values()),
        }
        put(conn, feed_item, [kept])
        if row is not None and _same(before, after) and not row.trouble and not self._over(conn, row.loan_ref):
            return Taken(said.external_id, Outcome.UNCHANGED)
        steps = bring(conn, self._policy, self._assets(conn, row, facts), (self._source, said.external_id))
        trouble = conn.scalar(sa.select(feed_item.c.trouble).where(*key))
        if row is not None and not steps and _same(before, after) and trouble == row.trouble:
            return Taken(said.external_id, Outcome.UNCHANGED, trouble)
        outcome = Outcome.WAITING if trouble else Outcome.APPLIED if steps else Outcome.KEPT
        return Taken(said.external_id, outcome, trouble)

    def _is_past(self, conn: sa.Connection, row: sa.Row[Any] | None, facts: dict[str, Fact]) -> bool:
        """Whether a loan that is not in the register is one that was erased, or would be: it does not come back."""
        if row is not None and row.loan_ref is not None:
            return False
        try:
            ended_s = ended(self._policy, facts)
        except Waits:
            return False
        # What was noted here less than a day apart is the same: it may have been erased by that date.
        if ended_s is None or ended_s > self._policy.retention.closed_loan.before(self._now_s) + _DAY:
            return False
        ref = facts.get("loan")
        return ref is None or not conn.scalar(sa.select(sa.exists().where(loan.c.loan_ref == ref)))

    def _known(self, conn: sa.Connection, external_ids: set[str]) -> dict[str, told.Told]:
        chosen = sa.select(feed_item.c.external_id, feed_item.c.told).where(
            feed_item.c.source == self._source, among(feed_item.c.external_id, "ids")
        )
        return {row.external_id: told.load(row.told) for row in conn.execute(chosen, {"ids": texts(external_ids)})}

    def _place(self, conn: sa.Connection, said: Said) -> None:
        """A home that nothing was lent to before is entered: its id is all there is to say of it."""
        place_id = said.facts.get("place")
        if isinstance(place_id, str) and not conn.scalar(sa.select(sa.exists().where(place.c.place_id == place_id))):
            places.add_place(conn, place_id, None, "loan_address", place_id, said.said_s, who=f"feed {self._source}")

    def _assets(self, conn: sa.Connection, row: sa.Row[Any] | None, facts: dict[str, Fact]) -> set[str]:
        """The assets that a message bears on: what is told now, what was told before, and what the register has."""
        ref = row and row.loan_ref
        has = conn.scalar(sa.select(loan.c.asset_id).where(loan.c.loan_ref == ref)) if ref else None
        return {str(each) for each in (facts.get("asset"), row and row.asset_id, has) if each}

    def _over(self, conn: sa.Connection, loan_ref: str | None) -> bool:
        """Whether the register has a loan as over: what is still told of it may contradict that."""
        ended = sa.select(loan.c.to_s).where(loan.c.loan_ref == loan_ref)
        return loan_ref is not None and conn.scalar(ended) is not None


def take(register: Register, policy: Policy, source: str, messages: list[Said], now_s: int) -> list[Taken]:
    """Take a few messages that came by themselves.

    Raises:
        RegisterError: as `Taking.take`.
    """
    taking = Taking(register, policy, source, now_s)
    taken = list(taking.take(messages))
    taking.end(taking.told_to_s)
    return taken


def _until(left: deque[Said], deadline: float) -> Iterator[Said]:
    """Messages, one at least, until the time is up."""
    while True:
        yield left.popleft()
        if not left or time.monotonic() >= deadline:
            return


def _with(before: told.Told, said: Said, whole_s: int | None) -> told.Told:
    after = told.merged(before, said.said_s, said.facts)
    return after if whole_s is None else told.merged(after, whole_s, {told.LISTED: True})


def _same(before: told.Told, after: told.Told) -> bool:
    """Whether the same was said again, later."""
    return told.facts(before) == told.facts(after) and told.missing(before) == told.missing(after)


def _counted(outcomes: dict[Outcome, int]) -> dict[str, int]:
    return {f"feed.{outcome}": count for outcome, count in outcomes.items()}
