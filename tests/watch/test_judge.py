"""The life of a flag: opened once, kept up to date, closed when what it says is over, and told to the history."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

import pytest
import sqlalchemy as sa

from kitback.register import assets, listening, loans, outbox
from kitback.register.assets import STATES
from kitback.register.tables import asset, flag, judgement, use_day
from kitback.watch import Judged, judge
from kitback.watch.keep import keep
from kitback.watch.sight import Sight, Sights
from kitback.watch.weigh import Changes, weigh
from lending import DAY, HOUR, NOW, Service
from moves import return_ready

pytestmark = pytest.mark.both_engines

JUDGING = import_module("kitback.watch.judge")
"""The module; the package has the function by that name."""


def history(service: Service) -> list[str]:
    with service.register.read() as conn:
        return [
            line for row in outbox.pending(conn, "anywhere", 1000, 1 << 20) for line in row.lines.decode().splitlines()
        ]


def flags_told(service: Service, fact: str) -> list[str]:
    return [line.split(" ")[0] for line in history(service) if line.startswith("flag,") and fact in line]


def test_judging_again_changes_nothing(service: Service) -> None:
    service.lend("B", used_at=NOW - 20 * DAY)
    assert service.judge() == Judged(opened=1, changed=0, closed=0)
    assert service.judge() == Judged(opened=0, changed=0, closed=0)


def test_a_flag_keeps_its_words_up_to_date(service: Service) -> None:
    service.lend("B", used_at=NOW - 20 * DAY)
    service.judge()
    service.tell("B", heard_at=NOW + DAY, complete_to=NOW + DAY)
    assert service.judge(NOW + DAY) == Judged(opened=0, changed=1, closed=0)
    assert service.open_flags("B")["idle"].startswith("Not used for 21 days (since 23 October).")
    with service.register.read() as conn:
        assert conn.execute(sa.select(flag.c.raised_at)).scalars().all() == [NOW], "it is the same flag"


def use_a_day_before(service: Service, at: int) -> None:
    row = {"asset_id": "B", "day": at // DAY - 1, "in_use": 60, "events": 1, "seen": 60, "used_at": at - DAY}
    with service.register.write() as conn:
        conn.execute(sa.insert(use_day), row)


def test_a_flag_closes_when_what_it_says_is_over(service: Service) -> None:
    service.lend("B", used_at=NOW - 20 * DAY)
    service.judge()
    use_a_day_before(service, NOW)
    service.tell("B", used_at=NOW)
    assert service.judge(NOW + HOUR) == Judged(opened=0, changed=0, closed=1)
    with service.register.read() as conn:
        assert conn.execute(sa.select(flag.c.closed_at)).scalars().all() == [NOW + HOUR]


def test_half_of_an_upload_closes_nothing(service: Service) -> None:
    service.lend("B", used_at=NOW - 20 * DAY)
    service.judge()
    use_a_day_before(service, NOW - DAY)
    service.tell("B", used_at=NOW - DAY, whole=False)
    assert service.judge() == Judged(opened=0, changed=0, closed=0)
    service.tell("B", whole=True)
    assert service.judge() == Judged(opened=0, changed=0, closed=1)


def test_silence_freezes_what_was_found_before_it(service: Service) -> None:
    service.lend("B", used_at=NOW - 20 * DAY)
    service.judge()
    service.judge(NOW + 5 * DAY)
    assert set(service.open_flags("B")) == {"idle", "silent"}
    assert "as far as its tag has told" in service.open_flags("B")["idle"]


def test_silence_opens_nothing_on_evidence_that_ends_before_it(service: Service) -> None:
    service.lend("B", used_at=NOW - 20 * DAY, heard_at=NOW - 5 * DAY, complete_to=NOW - 5 * DAY)
    service.judge()
    assert set(service.open_flags("B")) == {"silent"}


def test_a_flag_that_another_rule_overrules_is_closed(service: Service) -> None:
    service.lend("H", "hoist", used_at=NOW - 20 * DAY)
    service.judge()
    service.tell("H", place_id="store", place_type="store", place_from=NOW - HOUR)
    assert service.judge() == Judged(opened=1, changed=0, closed=1)
    assert set(service.open_flags("H")) == {"seen_in_stores"}


def test_the_end_of_a_loan_closes_its_flags(service: Service) -> None:
    service.lend("B", used_at=NOW - 20 * DAY, whole=False, due_s=NOW - DAY)
    service.judge()
    with service.register.write() as conn:
        loans.return_loan(conn, "L-B", NOW)
    service.judge()
    assert service.open_flags("B") == {}


def test_lent_anew_the_same_trouble_is_another_flag(service: Service) -> None:
    service.lend("B", pathway="home_first", days=50)
    service.judge()
    with service.register.write() as conn:
        return_ready(conn, "L-B", NOW - 45 * DAY)
        loans.lend(conn, service.policy, "L-B2", "B", "home_first", "home", "home", NOW - 44 * DAY)
    assert service.judge().closed == 1
    assert "overdue" in service.open_flags("B")
    with service.register.read() as conn:
        open_refs = conn.execute(sa.select(flag.c.loan_ref).where(flag.c.closed_at.is_(None))).scalars().all()
    assert set(open_refs) == {"L-B2"}


def test_flags_of_a_rule_that_is_no_more_are_closed(service: Service) -> None:
    service.lend("B")
    with service.register.write() as conn:
        conn.execute(
            sa.insert(flag).values(
                asset_id="B",
                loan_ref="L-B",
                kind="bed",
                rule="lonely",
                since=1,
                raised_at=1,
                sentence="",
                evidence="{}",
            )
        )
    assert service.judge() == Judged(opened=0, changed=0, closed=1)


def test_opening_and_closing_are_told_to_the_history_without_loan_or_place(service: Service) -> None:
    service.lend("B", used_at=NOW - 20 * DAY)
    service.judge()
    use_a_day_before(service, NOW)
    service.tell("B", used_at=NOW)
    service.judge(NOW + HOUR)
    assert flags_told(service, "open=true") == ["flag,asset=B,rule=idle,kind=bed"]
    assert flags_told(service, "open=false") == ["flag,asset=B,rule=idle,kind=bed"]
    assert not [line for line in history(service) if "L-B" in line or "Oadby" in line]


def test_every_judgement_counts_assets_and_tags(service: Service) -> None:
    service.lend("B")
    service.lend("C", heard_at=NOW - 25 * HOUR)
    with service.register.write() as conn:
        assets.add_asset(conn, "D", "bed", "Model 7", at=NOW)
    service.judge()
    told = [line.rsplit(" ", 1)[0] for line in history(service)]
    assert [line for line in told if "kind=bed" in line] == [
        "assets,kind=bed,state=available count=1i",
        "assets,kind=bed,state=prescribed count=0i",
        "assets,kind=bed,state=on_loan count=2i",
        *(f"assets,kind=bed,state={each} count=0i" for each in STATES[3:]),
        "fleet,kind=bed fitted=2i,heard_24h=1i",
    ]
    assert "assets,kind=hoist,state=on_loan count=0i" in told, "or the last count would stand when there are none"


def test_no_two_history_lines_share_series_and_time(service: Service) -> None:
    """InfluxDB keeps one point a series and time: two judgements of one second must both be kept."""
    service.lend("B", pathway="home_first", days=50)
    service.judge()
    with service.register.write() as conn:
        return_ready(conn, "L-B", NOW - 45 * DAY)
        loans.lend(conn, service.policy, "L-B2", "B", "home_first", "home", "home", NOW - 44 * DAY)
    service.judge()
    service.judge()
    points = [(line.split(" ")[0], line.rsplit(" ", 1)[1]) for line in history(service)]
    assert len(points) == len(set(points))


def test_gauges_are_told_when_they_changed_and_once_a_day(service: Service) -> None:
    service.lend("B")

    def gauges() -> int:
        return sum(line.startswith(("assets,", "fleet,")) for line in history(service))

    service.judge()
    told = gauges()
    service.judge(NOW + 60)
    assert gauges() == told
    service.lend("C")
    service.judge(NOW + 599)
    assert gauges() == told, "counting takes a scan, every ten minutes is enough"
    service.judge(NOW + 600)
    assert gauges() == 2 * told
    service.tell("B", heard_at=NOW + DAY)
    service.tell("C", heard_at=NOW + DAY)
    service.judge(NOW + 1200)
    assert gauges() == 2 * told
    service.judge(NOW + 600 + DAY)
    assert gauges() == 3 * told, "or a page that looks back some days would show nothing"


def test_a_judgement_that_was_interrupted_is_done_by_the_next(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        service.lend(f"B{number}", used_at=NOW - 20 * DAY)
    monkeypatch.setattr(JUDGING, "AT_ONCE", 2)
    writes = iter([keep, keep, explode])

    def keep_two(*each: Any) -> None:
        next(writes)(*each)

    monkeypatch.setattr(JUDGING, "keep", keep_two)
    with pytest.raises(ZeroDivisionError):
        service.judge()
    monkeypatch.setattr(JUDGING, "keep", keep)
    assert service.judge() == Judged(opened=1)
    assert len(flags_told(service, "open=true")) == 5, "each once"


def explode(*_: object) -> None:
    raise ZeroDivisionError


def test_what_changed_since_a_flag_was_looked_at_is_left_to_the_next_judgement(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.lend("B", used_at=NOW - 20 * DAY)
    service.lend("C", used_at=NOW - 20 * DAY)
    service.judge()
    was = service.open_flags("B")

    def meanwhile(sights: Iterable[Sight]) -> Changes:
        service.tell("B", used_at=NOW)
        return weigh(sights)

    service.tell("B", complete_to=NOW + DAY)
    service.tell("C", complete_to=NOW + DAY)
    monkeypatch.setattr(JUDGING, "weigh", meanwhile)
    assert service.judge(NOW + DAY) == Judged(changed=1)
    assert service.open_flags("B") == was
    assert service.open_flags("C")["idle"].startswith("Not used for 21 days")


def test_what_changed_since_the_scan_raises_no_flag(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    service.lend("B", used_at=NOW - 20 * DAY)
    service.lend("C", used_at=NOW - 20 * DAY)
    scan = Sights.worth_a_look

    def meanwhile(sights: Sights, conn: sa.Connection) -> tuple[list[str], list[str]]:
        found = scan(sights, conn)
        service.tell("B", used_at=NOW)
        return found

    monkeypatch.setattr(Sights, "worth_a_look", meanwhile)
    assert service.judge() == Judged(opened=1)
    assert service.open_flags("B") == {}
    assert set(service.open_flags("C")) == {"idle"}


@pytest.fixture
def begun(service: Service) -> list[str]:
    """How each transaction began that may write."""
    seen: list[str] = []

    @sa.event.listens_for(service.register.engine, "begin")
    def note(conn: sa.Connection) -> None:
        if "kitback_writer" in conn.get_execution_options():
            seen.append("writer")

    return seen


def test_what_is_raised_is_read_and_weighed_where_it_is_written(
    service: Service, begun: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    service.lend("B", used_at=NOW - 20 * DAY)
    with service.register.write() as conn:
        listening.still(conn, NOW)
    weighed_in = []

    def noted(sights: Iterable[Sight]) -> Changes:
        weighed_in.append(len(begun))
        return weigh(sights)

    monkeypatch.setattr(JUDGING, "weigh", noted)
    keep_in = []
    monkeypatch.setattr(JUDGING, "keep", lambda *each: keep_in.append(len(begun)) or keep(*each))
    assert judge(service.register, service.policy, NOW) == Judged(opened=1)
    assert weighed_in == keep_in


def test_steady_judgement_of_what_is_held_or_settled_keeps_nobody_from_writing(
    service: Service, begun: list[str]
) -> None:
    service.lend("B", used_at=NOW - 20 * DAY)
    service.lend("C", used_at=NOW - 20 * DAY, held_until=NOW + DAY)
    service.judge()
    with service.register.write() as conn:
        own = sa.update(flag).where(flag.c.asset_id == "B")
        conn.execute(own.values(status="closed", closed_at=NOW, basis_s=flag.c.since))
    judge(service.register, service.policy, NOW)
    begun.clear()
    judge(service.register, service.policy, NOW)
    assert (begun, service.open_flags("B"), service.open_flags("C")) == ([], {}, {})


def test_steady_judgement_writes_nothing(service: Service) -> None:
    service.lend("B", used_at=NOW - 20 * DAY)
    service.judge()
    written = statements(service, "INSERT", "UPDATE", "DELETE")
    judge(service.register, service.policy, NOW)
    assert written == []


def statements(service: Service, *verbs: str) -> list[str]:
    """What is executed from now on."""
    seen: list[str] = []

    @sa.event.listens_for(service.register.engine, "before_cursor_execute")
    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith(verbs):
            seen.append(statement)

    return seen


def test_one_scan_finds_what_is_worth_a_look_among_ten_thousand_loans(service: Service) -> None:
    service.lend("B")
    with service.register.write() as conn:
        like = conn.execute(sa.select(judgement)).mappings().one()
        numbers = range(10_000)
        model = {"kind": "bed", "model": "Model 7", "state": "on_loan"}
        conn.execute(sa.insert(asset), [{**model, "asset_id": f"B{n}"} for n in numbers])
        conn.execute(sa.insert(judgement), [{**like, "asset_id": f"B{n}"} for n in numbers])

    scans = statements(service, "SELECT judgement.asset_id")
    service.judge()
    assert len(scans) == 1
