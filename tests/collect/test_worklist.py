"""The worklist: every open flag, the most pressing first."""

import msgspec
import sqlalchemy as sa

from kitback.collect import is_virtual, worklist
from kitback.collect.worklist import TITLES
from kitback.register.tables import meta
from kitback.watch import Action
from lending import DAY, HOUR, NOW, Service


def test_nothing_to_do_is_an_empty_list(service: Service) -> None:
    service.lend("B")
    service.judge()
    with service.register.read() as conn:
        assert worklist(conn) == []


def test_safety_comes_first_and_then_what_has_lasted_longest(service: Service) -> None:
    service.lend("tag", "hoist", heard_at=NOW - 4 * DAY)
    service.lend("review", pathway="home_first", days=50)
    service.lend("idle-9", used_at=NOW - 9 * DAY)
    service.lend("idle-20", used_at=NOW - 20 * DAY)
    service.lend("stores", "hoist", place_id="store", place_type="store", place_from=NOW - DAY)
    service.lend("clinician", pathway="end_of_life", used_at=NOW - 20 * DAY)
    service.lend("unplugged", "mattress", unpowered_from=NOW - HOUR)
    service.judge()
    with service.register.read() as conn:
        order = [item.asset_id for item in worklist(conn)]
    assert order == ["unplugged", "stores", "idle-20", "idle-9", "review", "clinician", "tag"]


def test_an_item_says_what_to_do_with_which_loan_and_why(service: Service) -> None:
    service.lend("B", used_at=NOW - 18 * DAY - HOUR)
    service.judge()
    with service.register.read() as conn:
        (item,) = worklist(conn)
    assert msgspec.to_builtins(item) == {
        "asset_id": "B",
        "loan_ref": "L-B",
        "kind": "bed",
        "model": "Model 7",
        "pathway": "long_term",
        "lent_to": "Home in Oadby",
        "reason": "idle",
        "action": "ask",
        "title": "Ask",
        "sentence": "Not used for 18 days (since 25 October). Ask whether it is still needed.",
        "since": "2025-10-25T10:00:00Z",
        "raised_at": "2025-11-12T11:00:00Z",
        "evidence": {
            "seen": {"used_at": "2025-10-25T10:00:00Z", "complete_to": "2025-11-12T10:00:00Z"},
            "compared_with": {"entry": "kind.bed.idle_home", "value": "7 d", "origin": "J"},
        },
    }


def test_a_closed_flag_is_not_on_the_worklist(service: Service) -> None:
    service.lend("B", used_at=NOW - 20 * DAY)
    service.judge()
    service.tell("B", used_at=NOW)
    service.judge()
    with service.register.read() as conn:
        assert worklist(conn) == []


def test_every_action_has_its_words() -> None:
    assert set(TITLES) == set(Action)


def test_a_demonstrations_register_says_so(service: Service) -> None:
    with service.register.write() as conn:
        assert not is_virtual(conn)
        conn.execute(sa.insert(meta).values(name="virtual", value="yes"))
        assert is_virtual(conn)
