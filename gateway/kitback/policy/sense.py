"""What each value of a policy may be, but not together with another."""

from collections.abc import Iterator

from msgspec import Struct

from kitback.policy.period import Period
from kitback.policy.policy import Key, Policy

_LIFTS = "hoist"
_LOLER = Period(months=6)
"""Between thorough examinations of what lifts people."""


class Clash(Struct, frozen=True):
    """Values that do not go together."""

    keys: tuple[Key, ...]
    what: str
    remedy: str


def contradictions(policy: Policy) -> Iterator[Clash]:
    """What cannot be: nothing could be judged by it, or somebody would come to harm."""
    for name, speed in policy.delivery_speed.items():
        key = ("delivery_speed", name)
        if speed.warn_before.seconds >= speed.within.seconds:
            yield Clash(
                ((*key, "warn_before"), (*key, "within")),
                f"the warning comes {speed.warn_before.words()} before the end of {speed.within.words()}",
                "warn for less than the whole of it",
            )
    for name, pathway in policy.pathway.items():
        key = ("pathway", name)
        if pathway.delivery_speed not in policy.delivery_speed:
            there = " or ".join(f'"{each}"' for each in policy.delivery_speed)
            yield Clash(((*key, "delivery_speed"),), "no such delivery speed", f"give {there}")
        if name == "end_of_life" and not pathway.clinician_only:
            yield Clash(
                ((*key, "clinician_only"),), "nothing automated may prompt contact at the end of life", "leave it true"
            )
        if pathway.clinician_only and pathway.collect_within_working_days is not None:
            yield Clash(
                ((*key, "collect_within_working_days"), (*key, "clinician_only")),
                "equipment that only a clinician may ask about is collected at their word, not by a clock",
                'give "on notification"',
            )
    for name, kind in policy.kind.items():
        key = ("kind", name)
        if kind.safety_check_within and kind.supply != "mains":
            yield Clash(
                ((*key, "safety_check_within"), (*key, "supply")),
                f"a safety check for a tag on {kind.supply}, whose silence proves nothing about power",
                'give "none"',
            )


def oddities(policy: Policy) -> Iterator[Clash]:
    """What can be, but is worth a second look."""
    for name, pathway in policy.pathway.items():
        if pathway.loan_period and pathway.review.seconds > pathway.loan_period.seconds:
            yield Clash(
                (("pathway", name, "review"), ("pathway", name, "loan_period")),
                f"the review after {pathway.review.words()} comes later than the loan is due back, "
                f"after {pathway.loan_period.words()}",
                "review before the end",
            )
    for name, kind in policy.kind.items():
        if kind.silent_after.seconds <= kind.reports_every.seconds:
            yield Clash(
                (("kind", name, "silent_after"), ("kind", name, "reports_every")),
                f"a tag that reports every {kind.reports_every.words()} is silent after {kind.silent_after.words()}",
                "give it longer than one report",
            )
        if kind.supply == "mains" and kind.safety_check_within is None:
            yield Clash(
                (("kind", name, "safety_check_within"),),
                f"a {kind.name} lives on the mains, and without power it is only a question",
                "have it checked within hours",
            )
    exam = policy.kind[_LIFTS].examine_every
    if exam is None or exam.seconds > _LOLER.seconds:
        yield Clash(
            (("kind", _LIFTS, "examine_every"),),
            "where paid carers use it, LOLER asks for a thorough examination every six months",
            "give six months or less",
        )
