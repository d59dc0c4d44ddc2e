"""The worklist: every open flag, the most pressing first."""

from collections.abc import Callable

import msgspec
import pytest
import sqlalchemy as sa

from kitback.collect import NoSuch, Wanted, Worklist, is_virtual, worklist
from kitback.collect.worklist import TITLES
from kitback.register import places
from kitback.register.tables import asset, flag, judgement, loan, meta, use_day
from kitback.watch import RULES, Action, life
from kitback.watch.life import Status
from lending import DAY, HOUR, NOW, Service


def shown(service: Service, limit: int | None = None, **wanted: object) -> Worklist:
    with service.register.read() as conn:
        return worklist(conn, service.policy, NOW, Wanted(**wanted), limit)  # type: ignore[arg-type] # what a case gives by name


def order(service: Service, **wanted: object) -> list[str]:
    return [item.asset_id for item in shown(service, **wanted).items]


def test_nothing_to_do_is_an_empty_list(service: Service) -> None:
    service.lend("B")
    service.judge()
    assert shown(service) == Worklist(items=[], total=0, hidden={})


def test_safety_comes_first_and_then_what_has_lasted_longest(service: Service) -> None:
    service.lend("tag", "hoist", heard_at=NOW - 4 * DAY)
    service.lend("review", pathway="home_first", days=50)
    service.lend("idle-9", used_at=NOW - 9 * DAY)
    service.lend("idle-20", used_at=NOW - 20 * DAY)
    service.lend("stores", "hoist", place_id="store", place_type="store", place_from=NOW - DAY)
    service.lend("clinician", pathway="end_of_life", used_at=NOW - 20 * DAY)
    service.lend("unplugged", "mattress", unpowered_from=NOW - HOUR)
    service.judge()
    first = list(dict.fromkeys(order(service)))
    assert first == ["unplugged", "stores", "idle-20", "idle-9", "review", "clinician", "tag"]


def test_an_item_says_what_to_do_with_which_loan_and_why(service: Service) -> None:
    service.lend("B", used_at=NOW - 18 * DAY - HOUR)
    service.judge()
    (item,) = shown(service).items
    assert msgspec.to_builtins(item) == {
        "flag_id": 1,
        "asset_id": "B",
        "loan_ref": "L-B",
        "kind": "bed",
        "model": "Model 7",
        "pathway": "long_term",
        "lent_to": "Home in Oadby",
        "visit": "home",
        "visit_name": "Home in Oadby",
        "commissioner": None,
        "reason": "idle",
        "cause": "seen",
        "action": "ask",
        "title": "Ask",
        "due": None,
        "drop_off": False,
        "status": "open",
        "status_since": "2025-11-12T11:00:00Z",
        "muted_until": None,
        "sentence": "Not used for 18 days (since 25 October). Ask whether it is still needed.",
        "since": "2025-10-25T10:00:00Z",
        "raised_at": "2025-11-12T11:00:00Z",
        "rank": {
            "score": 760,
            "value_pence": 40000,
            "value_from": "policy",
            "days": 19,
            "confidence": 0.1,
            "parts": [
                {"factor": 1.0, "because": "its tag talks"},
                {"factor": 0.1, "because": "its records cover 10% of the time"},
            ],
        },
        "evidence": {
            "seen": {"used_at": "2025-10-25T10:00:00Z", "home_from": None, "complete_to": "2025-11-12T10:00:00Z"},
            "compared_with": {"entry": "kind.bed.idle_home", "value": "7 d", "origin": "J"},
        },
    }


def test_a_closed_flag_is_not_on_the_worklist(service: Service) -> None:
    service.lend("B", service_due_s=NOW)
    service.judge()
    service.tell("B", service_due_s=None)
    service.judge()
    assert order(service) == []


def test_every_action_has_its_words() -> None:
    assert set(TITLES) == set(Action)


def test_a_demonstrations_register_says_so(service: Service) -> None:
    with service.register.write() as conn:
        assert not is_virtual(conn)
        conn.execute(sa.insert(meta).values(name="virtual", value="yes"))
        assert is_virtual(conn)


# --- rank


def cover(service: Service, asset_id: str, share: float, days: int = 40) -> None:
    """Let records cover a share of each of the latest days."""
    today = NOW // DAY
    row = {"asset_id": asset_id, "in_use": 0, "events": 0, "seen": int(share * DAY)}
    with service.register.write() as conn:
        conn.execute(sa.insert(use_day), [{**row, "day": day} for day in range(today - days, today + 1)])


def value(service: Service, asset_id: str, pounds: int) -> None:
    with service.register.write() as conn:
        conn.execute(sa.update(asset).where(asset.c.asset_id == asset_id).values(value_pence=pounds * 100))


def idle(service: Service, asset_id: str, days: int = 20) -> None:
    service.lend(asset_id, used_at=NOW - days * DAY)


@pytest.mark.both_engines
def test_among_questions_value_times_days_times_confidence_decides(service: Service) -> None:
    for asset_id, days, pounds, share in (
        ("long", 20, 100, 0.9),
        ("dear", 10, 900, 0.9),
        ("dear and sure", 10, 900, 1.0),
        ("doubtful", 20, 900, 0.2),
    ):
        idle(service, asset_id, days)
        value(service, asset_id, pounds)
        cover(service, asset_id, share)
    service.judge()
    assert order(service) == ["dear and sure", "dear", "doubtful", "long"]
    best = shown(service).items[0].rank
    assert (best.score, best.value_from, best.days, best.confidence) == (9900, "asset", 11, 1.0)


def test_records_of_long_ago_say_nothing_of_how_much_a_tag_tells_now(service: Service) -> None:
    service.lend("B", days=300, used_at=NOW - 200 * DAY)
    cover(service, "B", 0.5, days=28)
    service.judge()
    (part,) = [part for part in shown(service).items[0].rank.parts if "records" in part.because]
    assert part.because == "its records cover 52% of the time"


def test_a_tag_whose_clock_was_never_set_is_less_sure(service: Service) -> None:
    idle(service, "set")
    idle(service, "never set")
    for asset_id, clocks in (("set", '{"2":[[[1,1700000000]],1]}'), ("never set", '{"2":[[],1]}')):
        heard(service, asset_id, clocks)
    service.judge()
    ranks = {item.asset_id: item.rank for item in shown(service).items}
    assert ranks["never set"].score == ranks["set"].score / 2
    assert "its clock was never set: its times are estimated" in [each.because for each in ranks["never set"].parts]


def heard(service: Service, asset_id: str, clocks: str) -> None:
    from kitback.register.tables import tag_now

    numbers = dict.fromkeys(
        ("base", "high", "newest", "applied", "lost", "quarantined", "duplicate", "at", "rate_ppb"), 0
    )
    with service.register.write() as conn:
        tag_id = conn.scalar(sa.select(judgement.c.tag_id).where(judgement.c.asset_id == asset_id))
        words = {"journal": "j", "gaps": "[]", "fw": "1", "clocks": clocks}
        row = {"tag_id": tag_id, "heard_at": NOW, "clock": 2, "waiting": 0, "whole": True, "battery_mv": 4000}
        conn.execute(sa.insert(tag_now), {**numbers, **words, **row})


@pytest.mark.both_engines
def test_a_place_is_as_sure_as_the_locator_is(service: Service) -> None:
    service.lend("H", "hoist", place_id="store", place_type="store", place_from=NOW - DAY)
    with service.register.write() as conn:
        conn.execute(sa.text("INSERT INTO whereabouts VALUES ('H', :at, 'store', 0.8)"), {"at": NOW - DAY})
    service.judge()
    (item,) = shown(service).items
    assert [part.because for part in item.rank.parts] == ["its tag talks", "the place is 80% sure"]
    assert item.rank.confidence == 0.8


def test_a_tag_that_fell_silent_makes_what_it_told_less_sure(service: Service) -> None:
    idle(service, "B")
    service.judge()
    service.tell("B", heard_at=NOW - 40 * HOUR)
    (item,) = [each for each in shown(service).items if each.reason == "idle"]
    assert item.rank.parts[0].because == "its tag was not heard for 40 hours"
    assert item.rank.parts[0].factor == 0.5


def test_what_rests_on_the_registers_own_dates_is_sure(service: Service) -> None:
    service.lend("M", "mattress", unpowered_from=NOW - HOUR)
    service.judge()
    (item,) = shown(service).items
    assert (item.rank.confidence, item.rank.days, item.rank.parts) == (1.0, 1, [])


# --- what is wanted


def everywhere(service: Service) -> None:
    """Things to do at two homes and in the store, for two commissioners."""
    idle(service, "oadby-B")
    idle(service, "wigston-B")
    service.lend("oadby-M", "mattress", unpowered_from=NOW - HOUR)
    service.lend("back-H", "hoist", place_id="store", place_type="store", place_from=NOW - DAY)
    with service.register.write() as conn:
        places.add_place(conn, "leicester", None, "service", "Leicester", at=NOW)
        conn.execute(sa.text("UPDATE place SET within = 'leicester' WHERE place_id IN ('home', 'store')"))
        wigston = sa.update(loan).where(loan.c.loan_ref == "L-wigston-B")
        conn.execute(wigston.values(place_id="other", commissioner="Rutland"))
        conn.execute(sa.update(asset).where(asset.c.asset_id == "oadby-M").values(commissioner="Leicester City"))
    service.tell("wigston-B", place_id="other", loan_place="other")
    service.judge()


@pytest.mark.both_engines
@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        ({"kind": "hoist"}, ["back-H"]),
        ({"rule": "idle"}, ["oadby-B", "wigston-B"]),
        ({"place": "home"}, ["oadby-M", "oadby-B"]),
        ({"place": "home in oadby"}, ["oadby-M", "oadby-B"]),
        ({"place": "store"}, ["back-H"]),
        ({"place": "leicester"}, ["oadby-M", "back-H", "oadby-B"]),
        ({"commissioner": "Rutland"}, ["wigston-B"]),
        ({"commissioner": "Leicester City"}, ["oadby-M"]),
        ({"kind": "bed", "place": "other"}, ["wigston-B"]),
    ],
)
def test_only_what_is_wanted_is_shown(service: Service, wanted: dict[str, str], left: list[str]) -> None:
    everywhere(service)
    assert order(service, **wanted) == left
    assert shown(service, **wanted).total == len(left)


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({"kind": "beds"}, 'there is no kind "beds"; did you mean "bed"?'),
        ({"rule": "lost"}, 'there is no rule "lost"; there are '),
        ({"place": "Narnia"}, 'there is no place "Narnia": give its id, or its name'),
    ],
)
def test_what_is_not_known_is_said_not_to_be(service: Service, wanted: dict[str, str], why: str) -> None:
    with pytest.raises(NoSuch) as refused:
        shown(service, **wanted)
    assert str(refused.value).startswith(why)


def test_a_limit_leaves_out_the_least_pressing_and_says_how_many_there_are(service: Service) -> None:
    for n in range(5):
        idle(service, f"B{n}", days=10 + n)
    service.judge()
    found = shown(service, limit=2)
    assert [item.asset_id for item in found.items] == ["B4", "B3"]
    assert found.total == 5


def decide(service: Service, asset_id: str, to: Status, **given: object) -> None:
    with service.register.write() as conn:
        flag_id = conn.execute(sa.select(flag.c.flag_id).where(flag.c.asset_id == asset_id)).scalar_one()
        life.move(conn, flag_id, to, NOW, "amy", "as told", policy=service.policy, **given)  # type: ignore[arg-type] # what a case gives by name


@pytest.mark.both_engines
def test_what_is_muted_or_held_is_hidden_but_counted_unless_asked_for(service: Service) -> None:
    for asset_id in ("open", "asked", "needed", "later", "hospital"):
        idle(service, asset_id)
    service.judge()
    decide(service, "asked", Status.CONTACTED)
    decide(service, "needed", Status.STILL_NEEDED)
    decide(service, "later", Status.SNOOZED, until=NOW + DAY)
    with service.register.write() as conn:
        held = conn.execute(sa.select(flag.c.flag_id).where(flag.c.asset_id == "hospital")).scalar_one()
        life.move_own(conn, [life.Own(held, life.Standing(), Status.HELD, "in hospital")], NOW)
    assert order(service) == ["asked", "open"]
    assert shown(service).hidden == {Status.STILL_NEEDED: 1, Status.SNOOZED: 1, Status.HELD: 1}
    assert len(order(service, muted=True)) == 5
    assert shown(service, muted=True).hidden == {}
    assert shown(service, kind="hoist").hidden == {}, "only of what is wanted"
    until = {item.asset_id: item.muted_until for item in shown(service, muted=True).items}
    assert until["later"] == "2025-11-13T11:00:00Z"


def test_overdue_comes_before_due_soon_and_each_has_words_of_its_own(service: Service) -> None:
    service.lend("over", pathway="home_first", days=43)
    service.lend("soon", pathway="home_first", days=40)
    value(service, "soon", 9000)
    service.judge()
    due = [(item.asset_id, item.due) for item in shown(service).items if item.due]
    assert due == [("over", "Overdue"), ("soon", "Due soon")]


@pytest.mark.parametrize(("pounds", "drop_off"), [(29, True), (30, False)])
def test_what_is_worth_less_than_a_van_costs_is_to_be_dropped_off(
    service: Service, pounds: int, drop_off: bool
) -> None:
    idle(service, "B")
    value(service, "B", pounds)
    service.judge()
    assert [item.drop_off for item in shown(service).items] == [drop_off]


def test_at_the_end_of_life_nobody_is_advised_to_have_it_brought_back(service: Service) -> None:
    service.lend("B", pathway="end_of_life", used_at=NOW - 20 * DAY)
    value(service, "B", 1)
    service.judge()
    assert [item.drop_off for item in shown(service).items] == [False]


def test_a_safety_check_is_made_whatever_it_is_worth(service: Service) -> None:
    service.lend("M", "mattress", unpowered_from=NOW - HOUR)
    value(service, "M", 1)
    service.judge()
    assert [item.drop_off for item in shown(service).items] == [False]


def test_what_is_seen_in_stores_is_done_there(service: Service) -> None:
    everywhere(service)
    visits = {item.asset_id: item.visit_name for item in shown(service).items}
    assert visits["back-H"] == "Leicester store"
    assert visits["wigston-B"] == "Home in Wigston"


def test_equipment_that_is_not_on_loan_is_on_the_list(service: Service) -> None:
    idle(service, "B")
    service.judge()
    with service.register.write() as conn:
        conn.execute(sa.update(flag).values(loan_ref=None))
    (item,) = shown(service).items
    assert (item.loan_ref, item.pathway, item.lent_to, item.visit) == (None, None, None, "home")


def test_two_thousand_flags_take_a_handful_of_statements(service: Service) -> None:
    idle(service, "B")
    service.judge()
    with service.register.write() as conn:
        like = conn.execute(sa.select(flag)).mappings().one()
        row = conn.execute(sa.select(judgement)).mappings().one()
        numbers = range(2000)
        model = {"kind": "bed", "model": "Model 7", "state": "on_loan"}
        conn.execute(sa.insert(asset), [{**model, "asset_id": f"B{n}"} for n in numbers])
        conn.execute(sa.insert(judgement), [{**row, "asset_id": f"B{n}"} for n in numbers])
        conn.execute(sa.insert(flag), [{**like, "flag_id": n + 2, "asset_id": f"B{n}"} for n in numbers])
    count = statements(service)
    assert shown(service, limit=10).total == 2001
    assert count() < 6


def statements(service: Service) -> Callable[[], int]:
    seen: list[str] = []

    @sa.event.listens_for(service.register.engine, "before_cursor_execute")
    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    return lambda: len(seen)


def test_every_rule_that_ranking_names_is_one() -> None:
    from kitback.collect.ranking import ON_PLACE, ON_USE

    assert set(ON_USE + ON_PLACE) <= {rule.name for rule in RULES}
