"""Away, cut off, half told, the clocks changed: no false flag, and no storm."""

import pytest
import sqlalchemy as sa

from kitback.register import listening
from kitback.register.tables import judgement
from kitback.watch import Judged
from lending import DAY, HOUR, NOW, Service
from london import london

FLEET = 30


def fleet(service: Service) -> None:
    """Loans of every kind, each of which would soon be one flag or another if its tag said nothing more."""
    for number in range(FLEET):
        kind = ("bed", "hoist", "mattress")[number % 3]
        nearly_idle = service.policy.kind[kind].idle_home.seconds - 2 * HOUR
        service.lend(f"A{number}", kind, used_at=NOW - (HOUR if number % 2 else nearly_idle))
    for number in range(3):
        service.prescribe(f"P{number}", pathway="long_term", speed="1", at=NOW)


def everything_is_told(service: Service, at: int) -> None:
    """What waited has come: all were in use, and what was prescribed has arrived meanwhile."""
    with service.register.write() as conn:
        told = {"heard_at": at, "complete_to": at, "whole": True}
        conn.execute(sa.update(judgement).values(used_at=at - HOUR, **told).where(judgement.c.loan_from.is_not(None)))
        there = {"place_id": "home", "place_type": "loan_address", "place_from": NOW + 2 * HOUR, "place_seen": at}
        conn.execute(sa.update(judgement).values(**there, **told).where(judgement.c.loan_from.is_(None)))


@pytest.mark.parametrize("hours", [1, 8, 24 * 7])
def test_the_gateway_was_away_and_what_waited_comes_before_anything_is_judged_by_it(
    service: Service, hours: int
) -> None:
    fleet(service)
    assert service.judge().opened == 0
    back = NOW + hours * HOUR + 3 * HOUR
    with service.register.write() as conn:
        listening.connected(conn, back)
    flags = service.judge(back)
    assert flags == Judged()
    everything_is_told(service, back + 600)
    assert service.judge(back + 600) == Judged()


def test_the_broker_is_away_and_the_gateway_says_so(service: Service) -> None:
    fleet(service)
    with service.register.write() as conn:
        listening.away(conn)
    for hours in (1, 5, 30, 100):
        assert service.judge(NOW + hours * HOUR) == Judged()


def test_half_an_upload_opens_nothing_however_idle_it_looks(service: Service) -> None:
    """The oldest records come first: use that was told of so far ends long ago."""
    fleet(service)
    with service.register.write() as conn:
        half = {"whole": False, "heard_at": NOW, "complete_to": NOW, "used_at": NOW - 25 * DAY}
        conn.execute(sa.update(judgement).values(half).where(judgement.c.loan_from.is_not(None)))
    assert service.judge() == Judged()


@pytest.mark.parametrize(
    "change", [london(2026, 3, 29, 0), london(2026, 10, 25, 0)], ids=["clocks go forward", "clocks go back"]
)
def test_the_night_the_clocks_change_every_threshold_keeps_its_length(service: Service, change: int) -> None:
    service.lend("M", "mattress", heard_at=change, complete_to=change, used_at=change)
    with service.register.write() as conn:
        listening.connected(conn, change - 30 * DAY)
    service.tell("M", review_s=None, loan_from=change - DAY)
    service.judge(change + 4 * HOUR - 1)
    assert service.open_flags("M") == {}
    service.judge(change + 4 * HOUR)
    assert set(service.open_flags("M")) == {"silent"}


@pytest.mark.parametrize("change", [london(2026, 3, 29, 0), london(2026, 10, 25, 0)])
def test_judged_each_minute_of_that_night_nothing_comes_and_goes(service: Service, change: int) -> None:
    service.lend("B", used_at=change - HOUR, review_s=None)
    for minute in range(0, 5 * 60, 20):
        now_s = change + minute * 60
        service.tell("B", heard_at=now_s, complete_to=now_s, used_at=now_s)
        assert service.judge(now_s) == Judged()
