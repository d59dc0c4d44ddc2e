"""A policy that changed: audited, clocks set anew, and one summary instead of an alert each."""

import json
import logging
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from kitback.policy import load
from kitback.register.tables import audit, flag, loan, meta
from kitback.watch import Judged
from lending import DAY, HOUR, NOW, Service

pytestmark = pytest.mark.both_engines

JUDGING = import_module("kitback.watch.judge")


def change(service: Service, tmp_path: Path, text: str) -> None:
    (tmp_path / "ours.toml").write_text(text, encoding="utf-8")
    service.policy = load(tmp_path / "ours.toml")


def causes(service: Service) -> dict[str, str]:
    with service.register.read() as conn:
        rows = conn.execute(sa.select(flag.c.asset_id, flag.c.cause).where(flag.c.closed_at.is_(None)))
        return {row.asset_id: row.cause for row in rows}


def audited(service: Service, what: str) -> list[Any]:
    with service.register.read() as conn:
        return list(conn.execute(sa.select(audit).where(audit.c.what == what)))


STRICTER = '[kind.bed]\nidle_home = "3 d"\n'


def test_only_what_the_new_policy_alone_raises_is_its_doing(service: Service, tmp_path: Path) -> None:
    service.judge()
    service.lend("idle by both", used_at=NOW - 8 * DAY)
    service.lend("idle by the new", used_at=NOW - 4 * DAY)
    change(service, tmp_path, STRICTER)
    assert service.judge() == Judged(opened=2)
    assert causes(service) == {"idle by both": "seen", "idle by the new": "policy"}


def test_what_happens_after_its_first_judgement_is_news_again(service: Service, tmp_path: Path) -> None:
    service.judge()
    change(service, tmp_path, STRICTER)
    service.judge()
    service.lend("B", used_at=NOW - 4 * DAY)
    service.judge(NOW + 60)
    assert causes(service) == {"B": "seen"}


def test_what_changed_is_audited_once(service: Service, tmp_path: Path) -> None:
    service.judge()
    change(service, tmp_path, STRICTER)
    service.judge()
    service.judge(NOW + 60)
    (row,) = audited(service, "policy.change")
    assert (json.loads(row.before), json.loads(row.after), row.who) == (
        {"kind.bed.idle_home": "7 d"},
        {"kind.bed.idle_home": "3 d"},
        "watch",
    )


def test_what_only_it_raised_is_told_as_one_summary(
    service: Service, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    service.judge()
    for number in range(20):
        service.lend(f"B{number}", used_at=NOW - 4 * DAY)
    change(service, tmp_path, STRICTER)
    with caplog.at_level(logging.WARNING):
        service.judge()
    assert [record.getMessage() for record in caplog.records] == [
        "the policy has changed; flags that only the new one raises: idle 20"
    ]
    (row,) = audited(service, "policy.judge")
    assert json.loads(row.after) == {"idle": 20}


def test_clocks_are_set_anew_and_what_is_due_by_them_is_the_policys_doing(service: Service, tmp_path: Path) -> None:
    service.lend("B", pathway="home_first", days=30)
    service.judge()
    change(service, tmp_path, '[pathway.home_first]\nloan_period = "28 d"\nreview = "21 d"\n')
    service.judge()
    with service.register.read() as conn:
        assert conn.scalar(sa.select(loan.c.due_s)) == NOW - 2 * DAY + HOUR, "the clocks went back between"
    assert set(service.open_flags("B")) == {"overdue"}
    assert causes(service) == {"B": "policy"}


def test_a_policy_that_asks_less_closes_what_it_does_not_ask(service: Service, tmp_path: Path) -> None:
    service.lend("B", used_at=NOW - 8 * DAY)
    service.judge()
    change(service, tmp_path, '[kind.bed]\nidle_home = "14 d"\n')
    assert service.judge() == Judged(closed=1)


def test_a_first_judgement_has_no_policy_before_it(service: Service) -> None:
    service.lend("B", used_at=NOW - 8 * DAY)
    service.judge()
    assert causes(service) == {"B": "seen"}
    assert audited(service, "policy.change") == []


def test_interrupted_the_first_judgement_by_a_policy_goes_on_as_that(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.judge()
    service.lend("B", used_at=NOW - 4 * DAY)
    change(service, tmp_path, STRICTER)
    with monkeypatch.context() as broken:
        broken.setattr(JUDGING, "keep", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            service.judge()
    service.judge(NOW + HOUR)
    assert causes(service) == {"B": "policy"}
    assert len(audited(service, "policy.change")) == len(audited(service, "policy.judge")) == 1


def test_a_policy_that_another_kitback_kept_raises_no_storm(service: Service, tmp_path: Path) -> None:
    service.judge()
    with service.register.write() as conn:
        other = sa.func.replace(meta.c.value, "watch.due_soon", "watch.soon")
        conn.execute(sa.update(meta).where(meta.c.name == "policy").values(value=other))
    service.lend("B", used_at=NOW - 8 * DAY)
    change(service, tmp_path, STRICTER)
    service.judge()
    assert causes(service) == {"B": "policy"}


def test_loans_that_an_older_kitback_knew_get_their_clocks_at_the_first_judgement(service: Service) -> None:
    service.lend("B", pathway="home_first", days=38)
    unset = dict.fromkeys(("due_soon_s", "review_s"))
    with service.register.write() as conn:
        conn.execute(sa.update(loan).values(unset))
    service.tell("B", **unset)
    service.judge()
    assert set(service.open_flags("B")) == {"due_soon", "review_due"}
