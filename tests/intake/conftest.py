from collections.abc import Callable, Iterator

import pytest

from kitback import wire
from kitback.intake import Intake
from kitback.policy import load
from kitback.register import Register, assets, fittings, loans, places
from laws import assert_conserved
from paper_tag import ROOT, PaperTag, SetClock, nowhere


@pytest.fixture(autouse=True)
def the_books_balance(register: Register) -> Iterator[None]:
    """After each test, whatever it did."""
    yield
    with register.read() as conn:
        assert_conserved(conn)


@pytest.fixture
def intake(register: Register, clock: SetClock) -> Intake:
    return Intake(register, clock, ROOT, nowhere)


@pytest.fixture
def tag(register: Register) -> PaperTag:
    """A tag fitted to the lent bed `BED-1`, since long before anything happens."""
    tag = PaperTag()
    with register.write() as conn:
        places.add_place(conn, "home", None, "loan_address", "Home", at=1_740_000_000)
        assets.add_asset(conn, "BED-1", "bed", "Profiling bed", at=1_740_000_000)
        tag.enrol(conn)
        fittings.fit_tag(conn, tag.tag_id, "BED-1", 1_740_000_000)
        loans.lend(conn, load(), "LN-1", "BED-1", "home_first", "home", "home", 1_740_000_000)
    return tag


Exchange = Callable[..., "wire.Ack | wire.Rejection | None"]


@pytest.fixture
def exchange(intake: Intake) -> Exchange:
    """Hands a tag's message to the intake and the answer to the tag."""

    def send(tag: PaperTag, message: tuple[str, bytes] | None = None) -> wire.Ack | wire.Rejection | None:
        heard = [tag.hear(*answer) for answer in intake.take([message or tag.message()])]
        return heard[0] if heard else None

    return send


@pytest.fixture
def upload(exchange: Exchange) -> Callable[[PaperTag], None]:
    """Sends all a tag has, as the protocol has it: first an empty report for a pair, then batch by batch."""

    def send(tag: PaperTag) -> None:
        if tag.pair is None:
            exchange(tag, tag.seal(tag.report(limit=0)))
        for _ in range(1000):
            exchange(tag)
            if tag.all_sent:
                return
        raise AssertionError("the upload never ends")

    return send
