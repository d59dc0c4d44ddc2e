"""Flags against what an oracle expects of them."""

from kitback.policy import load
from kitback.simulate.compare import Expected, ask, match
from kitback.simulate.gateway import Flag
from kitback.simulate.population import draw
from kitback.simulate.run import Ran
from kitback.simulate.truth import Span

END = 1000


def expected(may: tuple[int, int] = (100, 900), must_s: int | None = 500, rule: str = "idle") -> Expected:
    return Expected(asset_id="BED-1", rule=rule, may=Span(*may), must_s=must_s)


def flag(raised_at: int = 200, closed_at: int | None = 800, rule: str = "idle") -> Flag:
    return Flag(asset_id="BED-1", loan_ref="L-1", rule=rule, since=50, raised_at=raised_at, closed_at=closed_at)


def test_a_flag_within_its_time_is_right_and_meets_what_had_to_be():
    score = match([expected()], [flag()], END)["idle"]
    assert (score.precision, score.recall) == (1, 1)


def test_a_flag_raised_too_early_is_wrong_even_if_it_is_open_when_it_has_to_be():
    score = match([expected()], [flag(raised_at=99)], END)["idle"]
    assert (score.precision, score.recall) == (0, 1)


def test_a_flag_closed_too_late_is_wrong():
    assert match([expected()], [flag(closed_at=901)], END)["idle"].wrong == [flag(closed_at=901)]


def test_a_flag_open_at_the_end_closes_there():
    assert match([expected(may=(100, END))], [flag(closed_at=None)], END)["idle"].precision == 1
    assert match([expected(may=(100, END - 1))], [flag(closed_at=None)], END)["idle"].precision == 0


def test_a_flag_that_is_closed_when_it_has_to_be_open_misses():
    score = match([expected()], [flag(closed_at=500)], END)["idle"]
    assert (score.precision, score.recall) == (1, 0)


def test_what_need_not_be_is_not_missed():
    assert match([expected(must_s=None)], [], END)["idle"].recall is None


def test_another_rules_flag_meets_nothing():
    scores = match([expected()], [flag(rule="overdue")], END)
    assert scores["idle"].recall == 0
    assert scores["overdue"].precision == 0


def test_an_oracle_is_told_the_world_the_policy_and_how_often_it_was_judged():
    world, policy, asked = draw(1, 2, seed=1), load(), []
    ran = Ran(world=world, flags=[flag(world.from_s, None)], refused=[], reports=0, judged_every_s=7)

    def oracle(*told: object) -> list[Expected]:
        asked.append(told)
        return [expected(may=(world.from_s, world.to_s), must_s=world.from_s)]

    assert ask(oracle, ran, policy)["idle"].recall == 1
    assert asked == [(world, policy, 7)]
