"""Workers and staff write to one register on PostgreSQL at once: nobody's word is lost."""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from brokers import until
from kitback import wire
from kitback.intake import Intake
from kitback.policy import load
from kitback.register import Register, RegisterError, assets, fittings, loans, outbox, places
from kitback.register.tables import counter, judgement, use_day
from moves import return_ready
from paper_tag import ROOT, PaperTag, SetClock, account, counts, history, nowhere

T = 1_740_000_000
DAY = 86_400
POLICY = load()


@pytest.fixture
def engine() -> str:
    return "postgresql"


@pytest.fixture
def at_once() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as threads:
        yield threads


@pytest.fixture
def stocked(register: Register) -> Register:
    """Two beds, and a tag on the first."""
    with register.write() as conn:
        places.add_place(conn, "home", None, "loan_address", "Home", T)
        for asset_id in ("BED-1", "BED-2"):
            assets.add_asset(conn, asset_id, "bed", "Bed", T)
        PaperTag().enrol(conn, T)
        fittings.fit_tag(conn, PaperTag().tag_id, "BED-1", T)
    return register


def waiting(register: Register, how_many: int) -> Callable[[], bool]:
    """Whether so many wait for somebody else's rows."""
    blocked = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )

    def true() -> bool:
        with register.read() as conn:
            return conn.scalar(blocked) == how_many

    return true


def test_a_report_that_two_workers_have_is_applied_once(
    stocked: Register, clock: SetClock, at_once: ThreadPoolExecutor
) -> None:
    tag = PaperTag()
    tag.use()
    tag.use()
    report = tag.message()
    with stocked.write(beside=True) as conn:
        fittings.hold_tag(conn, tag.tag_id)
        taken = [at_once.submit(Intake(stocked, clock, ROOT, nowhere).take, [report]) for _ in range(2)]
        until(waiting(stocked, 2))
    assert [len(each.result()) for each in taken] == [1, 1]
    with stocked.read() as conn:
        assert account(conn, tag).applied == 2
        assert counts(conn)["records.duplicate"] == 2


def test_what_comes_while_a_tag_is_taken_off_says_nothing_of_its_asset(
    stocked: Register, clock: SetClock, at_once: ThreadPoolExecutor
) -> None:
    tag = PaperTag()
    with stocked.write() as conn:
        fittings.unfit_tag(conn, tag.tag_id, T + DAY)
        taken = at_once.submit(Intake(stocked, clock, ROOT, nowhere).take, [tag.message()])
        until(waiting(stocked, 1))
    taken.result()
    with stocked.read() as conn:
        row = conn.execute(sa.select(judgement).where(judgement.c.asset_id == "BED-1")).one()
    assert (row.tag_id, row.heard_at) == (None, None)


def test_a_loan_that_begins_while_a_report_is_taken_in_knows_what_it_said(
    stocked: Register, clock: SetClock, at_once: ThreadPoolExecutor
) -> None:
    tag = PaperTag(pair=wire.Pair(0, 0, T))
    tag.note(wire.Fix, cause="boot", key=1, heard=[])
    lent: list[Future[None]] = []

    def lend() -> None:
        with stocked.write() as conn:
            loans.lend(conn, POLICY, "LN-1", "BED-1", "home_first", "home", "home", T)

    def meanwhile(*_: object) -> list[str | None]:
        lent.append(at_once.submit(lend))
        until(waiting(stocked, 1))
        return [None]

    Intake(stocked, clock, ROOT, meanwhile).take([tag.message()])
    lent[0].result()
    with stocked.read() as conn:
        row = conn.execute(sa.select(judgement).where(judgement.c.asset_id == "BED-1")).one()
    assert (row.loan_ref, row.heard_at) == ("LN-1", clock.unix)


def test_rows_of_the_outbox_are_numbered_as_they_are_committed(register: Register, at_once: ThreadPoolExecutor) -> None:
    def second() -> None:
        with register.write(beside=True) as conn:
            outbox.append(conn, [b"second"], T)

    with register.write() as conn:
        outbox.append(conn, [b"zeroth"], T)
    with register.write(beside=True) as conn:
        conn.execute(sa.select(counter).with_for_update())  # half-way through an append
        appended = at_once.submit(second)
        until(waiting(register, 1))
        outbox.append(conn, [b"first"], T)
    appended.result()
    with register.read() as conn:
        assert history(conn) == ["zeroth", "first", "second"]


TAGS = ASSETS = 8
RECORDS = 20
"""Of each tag, on each of the two assets it is on."""


@pytest.fixture
def crossed(register: Register) -> Register:
    """Each tag is for ten days on one asset and then on another, which another worker's tag was on before."""
    with register.write() as conn:
        places.add_place(conn, "home", None, "loan_address", "Home", T)
        for number in range(ASSETS):
            assets.add_asset(conn, f"BED-{number}", "bed", "Bed", T)
            PaperTag(f"{number:012x}").enrol(conn, T)
            fittings.fit_tag(conn, f"{number:012x}", f"BED-{number}", T)
        for number in range(TAGS):
            fittings.unfit_tag(conn, f"{number:012x}", T + 10 * DAY)
        for number in range(TAGS):
            fittings.fit_tag(conn, f"{number:012x}", f"BED-{(number + 3) % ASSETS}", T + 10 * DAY)
    return register


def again(work: Callable[[], object]) -> None:
    """As a session does, and staff: what two that wait for each other are told is to try again."""
    for _ in range(50):
        try:
            work()
        except RegisterError as error:
            assert "try again" in str(error)
        else:
            return
    raise AssertionError("it never succeeds")


@pytest.mark.parametrize("seed", range(2))
def test_two_workers_and_staff_at_once_lose_and_double_nothing(
    crossed: Register, clock: SetClock, at_once: ThreadPoolExecutor, seed: int
) -> None:
    sent: list[int] = []
    clock.unix = T + 11 * DAY + RECORDS * 600  # what their counters say, too

    def worker(numbers: list[int]) -> None:
        chance = random.Random(seed * 10 + numbers[0])
        intake = Intake(crossed, clock, ROOT, nowhere)
        tags = [PaperTag(f"{number:012x}", pair=wire.Pair(0, 0, T)) for number in numbers]
        for tag in tags:
            for day in (0, 11):
                tag.at = day * DAY
                for _ in range(RECORDS):
                    tag.use()

        def take() -> None:
            answers = intake.take(messages)
            for tag in tags:
                for answer in answers:
                    if answer[0] == wire.topic(ROOT, tag.tag_id, wire.DOWN_ACK):
                        tag.hear(*answer)

        while not all(tag.all_sent for tag in tags):
            chosen = chance.choices(tags, k=chance.randint(1, 6))  # a tag may be there twice
            messages = [tag.message() for tag in chosen]
            again(take)
            sent.append(len(messages))

    def staff() -> None:
        chance = random.Random(seed)
        for turn in range(15):
            first, second = chance.sample(range(TAGS), 2)
            at = T + (20 + turn) * DAY

            def swap(at: int = at, first: int = first, second: int = second) -> None:
                with crossed.write() as conn:
                    on = dict(
                        conn.execute(
                            sa.select(judgement.c.tag_id, judgement.c.asset_id).where(judgement.c.tag_id.is_not(None))
                        ).all()
                    )
                    tags = [f"{number:012x}" for number in (first, second)]
                    for tag_id in tags:
                        fittings.unfit_tag(conn, tag_id, at)
                    for tag_id, other in (tags, tags[::-1]):
                        fittings.fit_tag(conn, tag_id, on[other], at)

            def lend(at: int = at, first: int = first, turn: int = turn) -> None:
                with crossed.write() as conn:
                    loans.lend(conn, POLICY, f"LN-{turn}", f"BED-{first}", "home_first", "home", "home", at)

            def give_back(at: int = at, turn: int = turn) -> None:
                with crossed.write() as conn:
                    return_ready(conn, f"LN-{turn}", at + 1)

            for step in (swap, lend, give_back):
                again(step)

    for each in [
        at_once.submit(worker, [0, 1, 2, 3]),
        at_once.submit(worker, [4, 5, 6, 7]),
        at_once.submit(staff),
    ]:
        each.result()

    with crossed.read() as conn:
        used = conn.execute(sa.select(use_day.c.asset_id, sa.func.sum(use_day.c.in_use)).group_by(use_day.c.asset_id))
        assert dict(used.all()) == {f"BED-{number}": 2 * RECORDS * 600 for number in range(ASSETS)}
        totals, lines = counts(conn), history(conn)
        assert totals["received"] == totals["accepted"] == sum(sent)
        assert totals["records.applied"] == TAGS * 2 * RECORDS
        assert totals["enqueued"] == len(lines) == len(set(lines)) == TAGS * 2 * RECORDS
        for number in range(TAGS):
            assert account(conn, PaperTag(f"{number:012x}")).applied == 2 * RECORDS
