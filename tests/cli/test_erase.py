"""`kitback erase`: a reason before its time, what the gateway has still to do, and the proof."""

import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kitback.cli.app import app
from kitback.exchange.feed import Said, take
from kitback.register import assets, collections, loans, outbox, places
from lending import DAY, Service


def kitback(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments)


@pytest.fixture(autouse=True)
def over(service: Service) -> Service:
    """Two loans whose equipment is home: LN-new was over last month, LN-old long ago."""
    now = int(time.time())  # the command's own clock
    with service.register.write() as conn:
        for name, days in (("new", 30), ("old", 900)):
            places.add_place(conn, f"home-{name}", None, "loan_address", "Home", now - 1000 * DAY)
            assets.add_asset(conn, f"B-{name}", "bed", "Bed", now - 1000 * DAY)
            lent = (f"LN-{name}", f"B-{name}", "long_term", "home", f"home-{name}")
            loans.lend(conn, service.policy, *lent, now - 1000 * DAY)
            loans.return_loan(conn, f"LN-{name}", now - days * DAY)
            collections.decontaminate(conn, service.policy, f"B-{name}", now - days * DAY)
            collections.inspect(conn, service.policy, f"B-{name}", now - days * DAY, "pass")
    return service


def test_a_run_erases_what_is_due_and_nothing_else() -> None:
    assert json.loads(kitback("erase", "due", "--json").stdout) == ["LN-old"]

    told = kitback("erase", "run")

    assert (told.exit_code, told.stdout) == (0, "Erased: 1 loan; 0 lines of history wiped from the outbox.\n")
    assert json.loads(kitback("erase", "due", "--json").stdout) == []
    assert kitback("erase", "search", "LN-old", "home-old").exit_code == 0
    assert kitback("erase", "search", "LN-new").exit_code == 1


def test_a_run_erases_what_a_feed_told_long_ago_and_became_no_loan(over: Service) -> None:
    long_ago = int(time.time()) - 900 * DAY
    told = {"asset": "unknown", "pathway": "long_term", "place": "home-7", "delivered": long_ago - DAY}
    take(over.register, over.policy, "acme", [Said("7", long_ago, told)], long_ago)
    assert kitback("erase", "search", "home-7").exit_code == 1

    assert kitback("erase", "run").exit_code == 0

    assert kitback("erase", "search", "home-7").exit_code == 0


def test_before_its_time_a_loan_is_erased_for_a_reason_only() -> None:
    told = kitback("erase", "loan", "LN-new")
    assert told.exit_code == 1
    assert "say with --why who asked" in told.stderr
    assert kitback("erase", "search", "LN-new").exit_code == 1

    assert kitback("erase", "loan", "LN-new", "--why", "the service user asked").exit_code == 0

    found = kitback("erase", "search", "LN-new", "home-new")
    assert (found.exit_code, "Found nowhere" in found.stdout) == (0, True)


def test_a_loan_that_goes_on_is_not_erased() -> None:
    told = kitback("erase", "loan", "L-BED-0388", "--why", "somebody asked")
    assert told.exit_code == 1
    assert "goes on: end it first" in told.stderr


def test_a_search_says_where_a_word_is() -> None:
    found = json.loads(kitback("erase", "search", "home-new", "--json").stdout)
    assert {"word": "home-new", "where": "place.place_id", "rows": 1} in found


def test_what_waits_for_influxdb_is_said_and_shown(over: Service) -> None:
    with over.register.write() as conn:
        outbox.add_sink(conn, "http://influx org/bucket")

    told = kitback("erase", "run")

    assert "InfluxDB: the gateway deletes 1 history from it" in told.stdout
    (shown,) = json.loads(kitback("erase", "status", "--json").stdout)
    assert shown["outbox_at"] is not None
    assert shown["history_at"] is None
    assert "1 wait for InfluxDB" in kitback("erase", "status").stdout


def test_compacting_is_part_of_a_run_when_asked_for(over: Service) -> None:
    assert kitback("erase", "run", "--compact").exit_code == 0
    assert b"LN-old" not in b"".join(path.read_bytes() for path in _files(over))


def _files(service: Service) -> list[Path]:
    service.register.close()
    path = Path(str(service.register.engine.url.database))
    return [each for each in path.parent.iterdir() if each.name.startswith(path.name)]
