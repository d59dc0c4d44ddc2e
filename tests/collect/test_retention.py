"""What is left of a loan that was erased: anonymous counts, and nothing by which anybody could find it."""

import logging
import re
from pathlib import Path

import pytest
import sqlalchemy as sa

from influx import Bucket
from kitback.collect import kpi, retention
from kitback.history import Drain, Eraser
from kitback.history.influx import Busy
from kitback.register import (
    IllegalMove,
    Register,
    assets,
    collections,
    corrections,
    erasure,
    fittings,
    holds,
    listening,
    loans,
    outbox,
    places,
    tags,
    visits,
)
from kitback.register.lines import flag_line, record_line
from kitback.register.tables import (
    asset,
    feed,
    feed_item,
    flag,
    metadata,
    quarantine,
    use_day,
    whereabouts,
)
from kitback.watch import life as flag_life
from kitback.watch.life import Outcome, Status
from kitback.wire import Use
from moves import DAY, HOUR, POLICY, T
from paper_tag import SetClock

REF, HOME, ROOM = "LN-0042", "home-0042", "bedroom-0042"
OTHER, ELSEWHERE = "LN-0043", "home-0043"
TAG, OTHER_TAG = "a0b1c2d3e4f5", "a0b1c2d3e4f6"
END = T + 40 * DAY


@pytest.fixture
def lived(register: Register) -> Register:
    """A bed that was lent to a home in every way there is, came back, and is lent to another home now."""
    with register.write() as conn:
        listening.connected(conn, T - DAY)
        places.add_place(conn, "store", None, "store", "Leicester store", T)
        for home in (HOME, ELSEWHERE):
            places.add_place(conn, home, None, "loan_address", f"Home of {home}", T)
        places.add_place(conn, ROOM, HOME, "zone", "Bedroom", T)
        places.add_anchor(conn, "aa" * 16, ROOM, T)
        assets.add_asset(conn, "BED-1", "bed", "Bed", T, store_id="store")
        tags.enrol_tag(conn, TAG, b"s" * 16, T)
        fittings.fit_tag(conn, TAG, "BED-1", T)
        loans.prescribe(conn, POLICY, REF, "BED-1", "home_first", "home", HOME, T)
        loans.deliver(conn, POLICY, REF, T + HOUR)
        conn.execute(sa.insert(feed), {"source": "provider"})
        told = {
            "source": "provider",
            "external_id": "P-9",
            "loan_ref": REF,
            "told_s": T,
            "told": f'{{"place": ["{HOME}", 1]}}',
        }
        conn.execute(sa.insert(feed_item), told)
        seen = {
            "asset_id": "BED-1",
            "day": (T + DAY) // DAY,
            "in_use": 60,
            "events": 1,
            "seen": 600,
            "used_at": T + DAY,
        }
        conn.execute(sa.insert(use_day), seen)
        for at, place_id in ((T + HOUR, HOME), (T + 2 * DAY, ROOM), (END, "store")):
            there = {"asset_id": "BED-1", "from_s": at, "place_id": place_id, "confidence": 1.0}
            conn.execute(sa.insert(whereabouts), there)
        holds.begin(conn, POLICY, REF, T + 3 * DAY, reason="hospital")
        holds.end(conn, REF, T + 5 * DAY)
        loans.note_review(conn, POLICY, REF, T + 6 * DAY)
        conn.execute(sa.insert(quarantine), _unreadable(TAG, T + 7 * DAY))
        outbox.append(conn, [_used(TAG, "BED-1", 1, T + DAY), _used(OTHER_TAG, "BED-2", 1, T + DAY)], T + DAY)
        line = flag_line("BED-1", "idle", "bed", True, T, "Not used for 8 days", T + 10 * DAY)
        outbox.append(conn, [line, _used(TAG, "BED-1", 2, END + HOUR)], END + HOUR)
        raised = {
            "asset_id": "BED-1",
            "loan_ref": REF,
            "kind": "bed",
            "rule": "idle",
            "since": T + 20 * DAY,
            "raised_at": T + 28 * DAY,
            "sentence": f"Not used at {HOME} for 8 days",
            "evidence": f'{{"action": "ask", "seen": {{"loan": "{REF}"}}}}',
        }
        number = conn.scalars(sa.insert(flag).returning(flag.c.flag_id), raised).one()
        for status in (Status.CONTACTED, Status.CONFIRMED):
            flag_life.move(conn, number, status, T + 29 * DAY, "amy", "the daughter says so", policy=POLICY)
        collections.request(conn, POLICY, REF, T + 30 * DAY)
        wanted = [("BED-1", "collect"), ("BED-1", "service")]
        visits.plan(conn, HOME, END, END + HOUR, T + 31 * DAY, to_do=wanted)
        loans.return_loan(conn, REF, END, how="van", store_id="store")
        collections.decontaminate(conn, POLICY, "BED-1", END + HOUR)
        collections.inspect(conn, POLICY, "BED-1", END + 2 * HOUR, "pass")
        flag_life.move(
            conn, number, Status.CLOSED, END + 2 * HOUR, "amy", None, policy=POLICY, outcome=Outcome.NOT_NEEDED
        )
        loans.lend(conn, POLICY, OTHER, "BED-1", "long_term", "home", ELSEWHERE, END + DAY)
    return register


def _used(tag_id: str, asset_id: str, seq: int, at: int) -> bytes:
    return record_line(tag_id, asset_id, "bed", Use(seq=seq, at=1, span=60, in_use=60, events=1), at, "paired")


def _unreadable(tag_id: str, at: int) -> dict[str, object]:
    return {
        "first_at": at,
        "last_at": at,
        "times": 1,
        "tag_id": tag_id,
        "journal": "",
        "seq": 0,
        "digest": "d",
        "reason": "schema",
        "detail": "no number",
        "payload": b"{}",
    }


def everything(register: Register) -> dict[str, list[str]]:
    """All rows of all tables, as they print."""
    with register.read() as conn:
        return {
            table.name: [repr(tuple(row)) for row in conn.execute(sa.select(table))] for table in metadata.sorted_tables
        }


def erase(register: Register, at: int = END + 400 * DAY) -> tuple[str, ...]:
    return retention.erase(register, POLICY, REF, at, who="amy", why="its time is up")


@pytest.mark.both_engines
def test_after_an_erasure_no_row_names_the_loan_its_place_or_a_room_of_it(lived: Register) -> None:
    assert any(HOME in row for rows in everything(lived).values() for row in rows)

    assert erase(lived) == (REF, ROOM, HOME)
    erasure.scrub(lived, END + 400 * DAY)

    named = [row for rows in everything(lived).values() for row in rows if re.search("0042", row)]
    assert named == []


def test_what_its_equipment_and_tag_saw_meanwhile_goes_too(lived: Register) -> None:
    erase(lived)

    left = everything(lived)
    assert left["use_day"] == []
    assert left["quarantine"] == []
    assert left["whereabouts"] == [repr(("BED-1", END, "store", 1.0))], "where it was brought to is no part of the loan"


def test_other_loans_stay_as_they_were(lived: Register) -> None:
    before = everything(lived)

    erase(lived)

    after = everything(lived)
    for table, rows in after.items():
        if table not in ("remains", "erasure", "judgement"):
            kept = [row for row in rows if "erasure.begin" not in row]
            assert [row for row in before[table] if row in kept] == kept, table
    assert any(OTHER in row for row in after["loan"])
    assert any(ELSEWHERE in row for row in after["place"])


def test_every_figure_of_a_month_stays_as_it_was(lived: Register) -> None:
    at = END + 400 * DAY
    before = _figures(lived, at)

    erase(lived, at)

    assert _figures(lived, at) == before
    with lived.read() as conn:
        assert _months(kpi.report(kpi.replay(conn), POLICY, at, kpi.Wanted())) == before


def _figures(register: Register, at: int) -> list[kpi.Group]:
    with register.read() as conn:
        return _months(kpi.report(kpi.read(conn), POLICY, at, kpi.Wanted()))


def _months(groups: list[kpi.Group]) -> list[kpi.Group]:
    return [each for each in groups if each.month is not None]


def test_an_address_stays_while_something_else_is_lent_there(lived: Register) -> None:
    with lived.write() as conn:
        assets.add_asset(conn, "BED-2", "bed", "Bed", END)
        loans.lend(conn, POLICY, "LN-0044", "BED-2", "long_term", "home", HOME, END)

    assert erase(lived) == (REF,)

    with lived.read() as conn:
        assert erasure.traces(conn, [REF]) == []
        assert {each.table for each in erasure.traces(conn, [HOME])} == {
            "place",
            "loan",
            "judgement",
            "audit",
            "outbox",
        }


@pytest.mark.both_engines
def test_the_address_that_a_loan_moved_away_from_goes_with_it(lived: Register) -> None:
    with lived.write() as conn:
        places.add_place(conn, "home-0050", None, "loan_address", "Home", END)
        places.add_place(conn, "home-0051", None, "loan_address", "Home", END)
        assets.add_asset(conn, "BED-2", "bed", "Bed", END)
        loans.lend(conn, POLICY, "LN-0050", "BED-2", "long_term", "home", "home-0050", END)
        visits.plan(conn, "home-0050", END + HOUR, END + 2 * HOUR, END, to_do=[("BED-2", "service")])
        loans.move(conn, POLICY, "LN-0050", "home", "home-0051", END + DAY)
        loans.return_loan(conn, "LN-0050", END + 2 * DAY)
        collections.decontaminate(conn, POLICY, "BED-2", END + 3 * DAY)
        collections.inspect(conn, POLICY, "BED-2", END + 3 * DAY, "pass")

    gone = retention.erase(lived, POLICY, "LN-0050", END + 400 * DAY)

    assert gone == ("LN-0050", "home-0051", "home-0050")
    assert [row for rows in everything(lived).values() for row in rows if "005" in row and "LN-005" not in row] == []


def test_what_is_still_heard_at_an_address_that_goes_is_nowhere_that_is_known(lived: Register) -> None:
    judgement = metadata.tables["judgement"]
    with lived.write() as conn:
        assets.add_asset(conn, "BED-2", "bed", "Bed", END)
        at_home = {"place_id": HOME, "place_type": "loan_address", "rival_id": None, "rival_from": None}
        nearly = {"place_id": "store", "place_type": "store", "rival_id": HOME, "rival_from": END}
        for asset_id, values in (("BED-1", nearly), ("BED-2", at_home)):
            conn.execute(sa.update(judgement).where(judgement.c.asset_id == asset_id).values(**values))

    erase(lived)

    columns = judgement.c["asset_id", "place_id", "place_type", "rival_id", "rival_from"]
    with lived.read() as conn:
        assert conn.execute(sa.select(*columns).order_by("asset_id")).all() == [
            ("BED-1", "store", "store", None, None),
            ("BED-2", None, "unknown", None, None),
        ]


def test_a_report_that_could_not_be_read_goes_even_if_it_came_again_after_the_loan(lived: Register) -> None:
    with lived.write() as conn:
        conn.execute(sa.update(quarantine).values(last_at=END + DAY, times=2))

    erase(lived)

    assert everything(lived)["quarantine"] == []


def test_what_waits_for_a_loan_of_a_longer_name_keeps_its_words(lived: Register) -> None:
    waits = {"source": "provider", "told_s": T, "told": "{}"}
    with lived.write() as conn:
        for external_id, ref in (("P-1", REF), ("P-2", f"{REF}1")):
            trouble = f"BED-1 is out as {ref}: note its end"
            conn.execute(sa.insert(feed_item), waits | {"external_id": external_id, "trouble": trouble})

    erase(lived)

    with lived.read() as conn:
        told = conn.execute(sa.select(feed_item.c.external_id, feed_item.c.trouble)).all()
    assert dict(tuple(row) for row in told) == {
        "P-1": "it waited for a loan that was erased since",
        "P-2": f"BED-1 is out as {REF}1: note its end",
    }


def test_a_prescription_that_was_cancelled_takes_nothing_with_it_of_what_the_equipment_saw(lived: Register) -> None:
    with lived.write() as conn:
        places.add_place(conn, "home-0044", None, "loan_address", "Home", T)
        assets.add_asset(conn, "BED-2", "bed", "Bed", T)
        loans.prescribe(conn, POLICY, "LN-0044", "BED-2", "home_first", "home", "home-0044", T)
        loans.cancel(conn, "LN-0044", T + 5 * DAY)
        # Entered afterwards, for it was there already.
        loans.lend(conn, POLICY, "LN-0045", "BED-2", "long_term", "home", ELSEWHERE, T + 2 * DAY)
        used = {"asset_id": "BED-2", "day": T // DAY + 3, "in_use": 60, "events": 1, "seen": 600, "used_at": T}
        conn.execute(sa.insert(use_day), used)
        there = {"asset_id": "BED-2", "from_s": T + 3 * DAY, "place_id": ELSEWHERE, "confidence": 1.0}
        conn.execute(sa.insert(whereabouts), there)
        fittings.fit_tag(conn, _enrolled(conn, "a0b1c2d3e4f7"), "BED-2", T)
        outbox.append(conn, [_used("a0b1c2d3e4f7", "BED-2", 1, T + 3 * DAY)], T + 3 * DAY)

    retention.erase(lived, POLICY, "LN-0044", END + 400 * DAY)

    left = everything(lived)
    assert len([row for row in left["use_day"] + left["whereabouts"] if "BED-2" in row]) == 2
    assert erasure.scrub(lived, END + 400 * DAY) == 0


def _enrolled(conn: sa.Connection, tag_id: str) -> str:
    tags.enrol_tag(conn, tag_id, b"s" * 16, T)
    return tag_id


@pytest.mark.both_engines
def test_what_the_log_tells_of_a_loan_that_was_withdrawn_goes_when_its_time_is_up(lived: Register) -> None:
    with lived.write() as conn:
        places.add_place(conn, "home-0050", None, "loan_address", "Home", END)
        assets.add_asset(conn, "BED-2", "bed", "Bed", END)
        loans.lend(conn, POLICY, "LN-0050", "BED-2", "long_term", "home", "home-0050", END)
        corrections.withdraw(conn, "LN-0050", END + DAY)
    up = POLICY.retention.closed_loan.after(END + DAY)
    with lived.read() as conn:
        assert "LN-0050" not in erasure.due(conn, POLICY, up - 1)
        assert "LN-0050" in erasure.due(conn, POLICY, up)

    assert retention.erase(lived, POLICY, "LN-0050", up) == ("LN-0050", "home-0050")

    assert [row for rows in everything(lived).values() for row in rows if "0050" in row] == []
    with lived.read() as conn:
        assert "LN-0050" not in erasure.due(conn, POLICY, up)
        assert erasure.pending(conn) == []


def test_what_was_scrapped_stays_scrapped_when_its_loan_is_erased(register: Register) -> None:
    with register.write() as conn:
        places.add_place(conn, HOME, None, "loan_address", "Home", T)
        assets.add_asset(conn, "BED-1", "bed", "Bed", T)
        loans.lend(conn, POLICY, REF, "BED-1", "long_term", "home", HOME, T)
        loans.return_loan(conn, REF, END)
        collections.scrap(conn, POLICY, "BED-1", END)

    erase(register)

    with register.write() as conn:
        assert conn.scalar(sa.select(asset.c.state)) == "scrapped"
        places.add_place(conn, ELSEWHERE, None, "loan_address", "Home", T)
        with pytest.raises(IllegalMove, match="was scrapped"):
            loans.lend(conn, POLICY, OTHER, "BED-1", "long_term", "home", ELSEWHERE, END + DAY)


@pytest.mark.parametrize(
    ("ref", "at", "words"),
    [
        ("LN-0000", END + DAY, "there is no loan"),
        (OTHER, END + DAY, "goes on: end it first"),
        (REF, END - 1, "check the date"),
    ],
)
def test_what_cannot_be_erased_is_refused_and_nothing_changes(lived: Register, ref: str, at: int, words: str) -> None:
    before = everything(lived)
    with pytest.raises(IllegalMove, match=words):
        retention.erase(lived, POLICY, ref, at)
    assert everything(lived) == before


def test_a_reason_that_names_the_loan_is_refused_for_it_stays(lived: Register) -> None:
    with pytest.raises(IllegalMove, match="say it without its reference"):
        retention.erase(lived, POLICY, REF, END + DAY, why=f"the family of {REF} asked")


def test_a_loan_whose_equipment_is_still_on_the_way_home_is_not_erased(lived: Register) -> None:
    with lived.write() as conn:
        loans.return_loan(conn, OTHER, END + 2 * DAY)
    with pytest.raises(IllegalMove, match="not available again yet"):
        retention.erase(lived, POLICY, OTHER, END + 3 * DAY)


def test_a_loan_is_due_when_the_policys_time_after_its_way_home_is_up(lived: Register) -> None:
    home = END + 2 * HOUR
    up = POLICY.retention.closed_loan.after(home)
    with lived.read() as conn:
        assert erasure.due(conn, POLICY, up - 1) == []
        assert erasure.due(conn, POLICY, up) == [REF]


# --- the outbox and the history


def test_the_outbox_keeps_its_account_and_other_lines_when_lines_are_wiped(lived: Register) -> None:
    before = _lines(lived)
    erase(lived)

    wiped = erasure.scrub(lived, END + 400 * DAY)

    after = _lines(lived)
    assert wiped == 3
    assert [len(row) for row in after] == [len(row) for row in before]
    assert [line[:1] == b"#" for row in after for line in row.splitlines()] == [True, False, True, False, True]


def _lines(register: Register) -> list[bytes]:
    with register.read() as conn:
        return list(conn.scalars(sa.select(metadata.tables["outbox"].c.lines)))


def test_a_scrub_that_was_stopped_half_way_is_finished_by_the_next(
    lived: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    erase(lived)
    monkeypatch.setattr(erasure, "_ROWS_AT_ONCE", 1)

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        erasure.scrub(lived, END + 400 * DAY, stop)
    with lived.read() as conn:
        assert erasure.pending(conn) == [], "the history waits for the outbox"

    assert erasure.scrub(lived, END + 400 * DAY) == 2
    assert sum(line[:1] == b"#" for row in _lines(lived) for line in row.splitlines()) == 3


def test_where_no_history_was_ever_written_an_erasure_is_done_with_the_outbox(lived: Register) -> None:
    erase(lived)
    erasure.scrub(lived, END + 400 * DAY)
    with lived.read() as conn:
        assert {each.done_s for each in erasure.erasures(conn)} == {END + 400 * DAY}


def test_influxdb_loses_the_erased_points_and_no_others(lived: Register, clock: SetClock, bucket: Bucket) -> None:
    clock.unix = END + 400 * DAY
    sink = bucket.sink()
    drain, eraser = Drain(lived, clock, sink), Eraser(lived, clock, sink)
    drain.run_once()
    assert bucket.points() == 5

    erase(lived)
    eraser.run_once()
    assert bucket.points() == 5, "not before the outbox has none of it"
    erasure.scrub(lived, clock.unix)
    clock.unix += 60
    eraser.run_once()

    assert {row["tag"] for row in bucket.ask('SELECT in_use, "tag" FROM use')} == {TAG, OTHER_TAG}
    assert bucket.ask(f"SELECT * FROM use WHERE \"tag\" = '{TAG}' AND time <= {END}s") == []  # noqa: S608 - a test's own words
    assert bucket.points() == 2
    with lived.read() as conn:
        assert {each.done_s for each in erasure.erasures(conn)} == {clock.unix}
        assert erasure.traces(conn, [TAG]) != [], "the tag is the service's own"
        series = conn.execute(sa.select(metadata.tables["erasure"].c["tag_id", "asset_id", "from_s", "to_s"]))
        assert {tuple(row) for row in series} == {(None, None, None, None)}


def test_wiped_lines_that_waited_for_influxdb_are_passed_over_by_it(
    lived: Register, clock: SetClock, bucket: Bucket
) -> None:
    sink = bucket.sink()
    with lived.write() as conn:
        outbox.add_sink(conn, sink.name)
    erase(lived)
    erasure.scrub(lived, END + 400 * DAY)

    progress = Drain(lived, clock, sink).run_once()

    assert (progress.written, progress.rejected) == (5, 0)
    assert bucket.points() == 2


def test_what_influxdb_does_not_delete_is_said_once_and_asked_for_again(
    lived: Register, clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    class Away:
        name = "away"
        asked = 0

        def delete(self, *_: object) -> int:
            self.asked += 1
            raise Busy("InfluxDB cannot be reached")

    away = Away()
    with lived.write() as conn:
        outbox.add_sink(conn, away.name)
    erase(lived)
    erasure.scrub(lived, END + 400 * DAY)
    eraser = Eraser(lived, clock, away)
    with caplog.at_level(logging.ERROR):
        for _ in range(2):
            eraser.run_once()
            eraser.run_once()
            clock.unix += 60

    assert away.asked == 2, "once a minute"
    assert [record.message for record in caplog.records] == [
        "what was erased is still in away: InfluxDB cannot be reached"
    ]
    with lived.read() as conn:
        assert len(erasure.pending(conn)) == 2


def test_what_influxdb_has_deleted_is_not_asked_for_again_when_it_goes_away_meanwhile(
    lived: Register, clock: SetClock
) -> None:
    class GoesAway:
        name = "away"
        asked = 0

        def delete(self, *_: object) -> int:
            self.asked += 1
            if self.asked == 2:
                raise Busy("InfluxDB cannot be reached")
            return 0

    store = GoesAway()
    with lived.write() as conn:
        outbox.add_sink(conn, store.name)
    erase(lived)
    erasure.scrub(lived, END + 400 * DAY)
    eraser = Eraser(lived, clock, store)

    eraser.run_once()

    with lived.read() as conn:
        assert len(erasure.pending(conn)) == 1
    clock.unix += 60
    eraser.run_once()
    assert store.asked == 3


def test_many_erasures_are_taken_to_influxdb_some_at_a_time_without_a_pause(
    lived: Register, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Willing:
        name = "there"

        def delete(self, *_: object) -> int:
            return 0

    monkeypatch.setattr("kitback.history.erase._AT_ONCE", 1)
    with lived.write() as conn:
        outbox.add_sink(conn, "there")
    erase(lived)
    erasure.scrub(lived, END + 400 * DAY)
    eraser = Eraser(lived, clock, Willing())

    left = []
    for _ in range(2):
        eraser.run_once()
        with lived.read() as conn:
            left.append(len(erasure.pending(conn)))

    assert left == [1, 0]


def test_thousands_of_words_are_looked_for_as_a_few_are(lived: Register) -> None:
    few = [REF, HOME, "LN-004", "0042", "bedroom 0042", "..."]
    with lived.read() as conn:
        found = erasure.traces(conn, few)
        assert {each.word for each in found} == {REF, HOME}
        assert erasure.traces(conn, [*few, *(f"LN-9{number:03}" for number in range(100))]) == found


def test_after_compacting_no_byte_of_the_file_names_the_loan(lived: Register, tmp_path: Path) -> None:
    erase(lived)
    erasure.scrub(lived, END + 400 * DAY)
    lived.compact()
    lived.close()

    files = [path for path in tmp_path.iterdir() if path.name.startswith("register.db")]
    assert files
    assert not any(b"0042" in path.read_bytes() for path in files)
