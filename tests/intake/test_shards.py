"""Shard groups: each shard in one session, and for good."""

from typing import get_args

import pytest

from kitback.intake import Broker, ShardGroups, WrongGroups, sessions_for, settle_groups
from kitback.register import Register

BROKER = Broker("127.0.0.1", 1883)


@pytest.mark.parametrize("groups", get_args(ShardGroups)[1:])
def test_every_shard_is_heard_through_one_session(groups: ShardGroups) -> None:
    sessions = sessions_for(BROKER, "llr", "cafe", groups)
    assert [session.client_id for session in sessions] == [f"kitback-cafe-{group}" for group in range(groups)]
    topics = [topic for session in sessions for topic in session.topics]
    assert sorted(topics) == [f"llr/{shard}/+/up/report" for shard in "0123456789abcdef"]
    assert {len(session.topics) for session in sessions} == {16 // groups}


def test_one_group_is_one_session_for_all() -> None:
    (session,) = sessions_for(BROKER, "llr", "cafe", 1)
    assert (session.client_id, session.topics) == ("kitback-cafe", ["llr/+/+/up/report"])


def test_the_number_of_groups_is_settled_by_the_first_start(register: Register) -> None:
    settle_groups(register, 4)
    settle_groups(register, 4)
    with pytest.raises(WrongGroups, match=r"begun with 4.*set shard_groups = 4"):
        settle_groups(register, 8)
