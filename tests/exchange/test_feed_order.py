"""Whatever the order in which messages come, and however often: the register ends the same."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from feeding import ASSETS, DAY, HOUR, NOW, POLICY, T, furnish, rows
from kitback.exchange.feed import Said, Taking
from kitback.register import Register
from kitback.register.tables import asset, collection, feed_item, judgement, loan, place

TABLES = (loan, collection, asset, judgement, place, feed_item)

PHASES = [each for each in Phase if each is not Phase.shrink]
"""Making a counterexample smaller takes minutes; it is small as it is."""

dates = st.one_of(st.none(), st.integers(0, 12).map(lambda half: T + half * DAY // 2))
facts = st.fixed_dictionaries(
    {},
    optional={
        "asset": st.sampled_from((*ASSETS[:2], "BED-9")),
        "pathway": st.sampled_from(("home_first", "long_term", "no_such")),
        "place": st.sampled_from(("home", "new-home")),
        "setting": st.sampled_from(("home", "care_home")),
        "commissioner": st.sampled_from(("Rutland", None)),
        "paid_carers": st.booleans(),
        "speed": st.sampled_from(("1", None)),
        "prescribed": dates,
        "delivered": dates,
        "returned": dates,
        "decontaminated": dates,
        "available": dates,
        "cancelled": dates,
    },
)
whole = st.fixed_dictionaries(
    {
        "asset": st.sampled_from(ASSETS[:2]),
        "pathway": st.just("home_first"),
        "place": st.just("home"),
        "delivered": dates,
    },
    optional={"returned": dates, "prescribed": dates, "decontaminated": dates, "available": dates},
)
messages = st.lists(
    st.builds(
        Said,
        st.sampled_from(("1", "2", "3")),
        st.integers(0, 6).map(lambda n: T + 20 * DAY + n * HOUR),
        st.one_of(whole, facts),
    ),
    min_size=2,
    max_size=9,
)


@pytest.fixture
def furnished(register: Register) -> Register:
    furnish(register)
    return register


class _Undone(Exception):
    pass


def _end(register: Register, told: list[Said]) -> dict[str, list[dict[str, Any]]]:
    """What a register ends with; the next one begins as this one did."""
    taking = Taking(register, POLICY, "acme", NOW)
    found: dict[str, list[dict[str, Any]]] = {}
    try:
        with register.write() as conn:
            taking.take_in(conn, told)
            found = rows(conn, *TABLES)
            # In which order they were entered says nothing.
            for each in found["collection"]:
                del each["collection_id"]
            found["collection"].sort(key=lambda each: each["loan_ref"])
            raise _Undone
    except _Undone:
        return found


def test_any_order_and_repetition_of_messages_ends_in_the_same_register(furnished: Register) -> None:
    @settings(max_examples=50, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.too_slow])
    @given(messages, st.data())
    def check(told: list[Said], data: st.DataObject) -> None:
        other = data.draw(st.permutations(told + data.draw(st.lists(st.sampled_from(told), max_size=4))))
        assert _end(furnished, list(other)) == _end(furnished, told)

    check()
