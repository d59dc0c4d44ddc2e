"""What the bench of the intake sends is what tags send, and what it counts is all there is."""

import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from bench import intake, page
from bench.fleet import ROOT, Fleet
from bench.load import Load, Plan

from brokers import Mosquitto
from kitback.clock import SystemClock
from kitback.intake import Intake
from kitback.locate import Locator
from kitback.register import Register, counters
from kitback.register.tables import judgement, outbox

TAGS, TURNS, RECORDS = 7, 4, 3


@pytest.fixture
def fleet() -> Fleet:
    return Fleet(TAGS, RECORDS, int(time.time()) - 86_400)


def test_every_report_is_new_and_in_order_and_all_its_records_are_placed_between_pairs(
    tmp_path: Path, fleet: Fleet
) -> None:
    register = Register.open(str(tmp_path / "register.db"))
    fleet.enrol(register, b"p" * 32)
    taking = Intake(register, SystemClock(), ROOT, Locator(b"p" * 32))
    messages = [fleet.message(number) for number in range(TAGS * TURNS)]
    answers = taking.take(messages) + taking.take([fleet.marker(0), fleet.marker(1)])
    with register.read() as conn:
        counts = counters.everything(conn)
        lines = b"".join(conn.scalars(sa.select(outbox.c.lines))).splitlines()
        lent_home = sa.func.coalesce(judgement.c.place_id, judgement.c.loan_place) == judgement.c.loan_place
        elsewhere = conn.scalar(sa.select(sa.func.count()).where(sa.not_(lent_home)))
    register.close()
    assert len(answers) == TAGS * TURNS + 2
    assert counts["records.applied"] == TAGS * TURNS * RECORDS + 2
    assert not {name for name in counts if name.startswith("quarantined") or name in {"early", "rejected"}}
    assert not counts.get("records.lost")
    assert not counts.get("records.duplicate")
    assert sum(b'"paired"' in line for line in lines) >= TAGS * (TURNS - 1) * RECORDS
    assert elsewhere == 0


def test_all_tags_of_a_fleet_are_enrolled_alike(tmp_path: Path, fleet: Fleet) -> None:
    register = Register.open(str(tmp_path / "register.db"))
    fleet.enrol(register, b"p" * 32)
    with register.read() as conn:
        rows = conn.execute(sa.select(judgement).order_by(judgement.c.asset_id)).all()
    register.close()
    assert len({row.tag_id for row in rows}) == len({row.loan_ref for row in rows}) == TAGS + 1
    assert [row.kind for row in rows] == ["bed", "hoist", "mattress", "bed", "hoist", "mattress", "bed", "hoist"]
    assert len({(row.pathway, row.loan_from, row.fitted_at) for row in rows}) == 1


def test_a_load_counts_what_the_broker_has_acknowledged(tmp_path: Path, fleet: Fleet) -> None:
    broker = Mosquitto(tmp_path)
    broker.start()
    load = Load(Plan(broker.port, fleet, 0, 300, 40, answered=False))
    try:
        load.ready()
        load.begin()
        sent = load.result()
    finally:
        load.close()
        broker.stop()
    assert sent.messages == 300
    assert sent.ended > sent.began


def test_a_run_goes_all_the_way_and_misses_nothing(tmp_path: Path) -> None:
    figures = intake.kitback(tmp_path / "run", messages=120, tags=24, records=2)
    assert figures["acked_to_tags"] == 120
    assert figures["points_missing"] == 0
    assert set(figures["cpu_s_per_million_records"]) == {"gateway", "influxdb", "load", "mosquitto"}
    assert figures["peak_mib"] > 10


def test_a_page_keeps_a_place_for_the_figures(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n")
    figures = {
        "machine": {"cpus": 2, "model": "M", "python": "3", "mosquitto": "m", "influxdb": "i", "load_before": 0.1},
        "load_alone": {"messages_per_s": 100_000, "bytes_a_message": 300},
        "full_speed": {},
        "growth": [{"tags": 1000, "messages_per_s": 1, "peak_mib": 2.5, "start_s": 3, "enrol_s": 4}],
    }
    page.put(path, figures)
    text = path.read_text()
    assert "| 1,000 | 1 | 2.5 | 3 | 4 |" in text
    assert "old" not in text
    assert text.startswith(f"before\n{page.BEGIN}\n")
    assert text.endswith(f"{page.END}\nafter\n")


def test_a_page_without_such_a_place_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("nothing here\n")
    with pytest.raises(ValueError, match=r"page\.md keeps no place for figures"):
        page.put(path, {})
    assert path.read_text() == "nothing here\n"
