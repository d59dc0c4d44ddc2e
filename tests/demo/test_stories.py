"""The main job, end to end: real firmware, real broker, real gateway, real InfluxDB; thirty days of stories."""

from collections.abc import Sequence
from datetime import datetime

from kitback.virtual.stories import STORIES, Story
from told import Told


class Stories:
    """What must hold however the stories are told."""

    broker = "embedded"
    influx_from_the_start = True
    kills = 0
    stories: Sequence[Story] = STORIES

    def test_raise_exactly_the_flags_of_the_table(self, told: Told) -> None:
        assert sorted(told.raised()) == sorted(told.expected())

    def test_say_since_when_within_the_tables_tolerance(self, told: Told) -> None:
        raised = told.raised()
        worlds = {tag.world.tag_id: tag.world for tag in told.run.tags}
        off = {}
        for flag, expected in told.expected().items():
            story = next(each for each in STORIES if each.name == expected.story)
            true = expected.since(worlds[story.tag_id], told.run.policy)
            said = int(datetime.fromisoformat(raised[flag]).timestamp())
            if abs(said - true) > expected.tolerance_s:
                off[flag] = (said - true, expected.tolerance_s)
        assert not off

    def test_give_a_reason_and_evidence_with_every_flag(self, told: Told) -> None:
        for item in told.run.worklist().items:
            assert item.sentence.endswith((".", "?"))
            assert any(value is not None for value in item.evidence["seen"].values())

    def test_every_record_a_tag_noted_was_applied_once(self, told: Told) -> None:
        last_words, noted = told.last_words(), told.noted()
        account = told.run.account()
        assert told.applied() == {tag_id: list(range(1, newest + 1)) for tag_id, newest in last_words.items()}
        assert account.applied == account.journalled == sum(last_words.values())
        assert (account.lost, account.quarantined) == (0, 0)
        # What is left on a tag that could tell no more is all that may be missing.
        assert {tag_id for tag_id in noted if noted[tag_id][-1] > last_words[tag_id]} <= told.died()

    def test_every_history_line_became_a_point(self, told: Told) -> None:
        told.drain()
        assert told.points() == len(told.lines()) > 0

    def test_a_second_upload_of_everything_changes_nothing(self, told: Told) -> None:
        before = told.outcome()
        duplicates = told.run.account().duplicate
        told.upload_again()
        assert told.outcome() == before
        sent = sum(newest for tag_id, newest in told.last_words().items() if tag_id not in told.died())
        assert told.run.account().duplicate - duplicates == sent


class TestOnTheEmbeddedBroker(Stories):
    """As `make demo` runs them, with InfluxDB from the start."""


class TestOnMosquitto(Stories):
    """With an InfluxDB that is configured only afterwards."""

    broker = "mosquitto"
    influx_from_the_start = False


_BACKLOGS = tuple(
    story
    for story in STORIES
    if story.name in ("bed-unused-since-day-12", "mattress-idle-two-weeks", "bed-moved-and-used")
)


class TestWithTheGatewayKilledDuringTheUpload(Stories):
    """The embedded broker dies with the gateway, and forgets everything."""

    kills = 3
    stories = _BACKLOGS


class TestWithTheGatewayKilledDuringTheUploadOnMosquitto(Stories):
    """The broker keeps what the gateway had not acknowledged."""

    broker = "mosquitto"
    kills = 3
    stories = _BACKLOGS
