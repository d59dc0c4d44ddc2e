"""Fitting a tag: what its sensors say at rest and under a reference, taken step by step on the equipment itself."""

from dataclasses import dataclass
from typing import Any, Final

from kitback.fleet.line import Line


class NotFitted(Exception):
    """The tag refused a step, and noted nothing. Says why."""


@dataclass(frozen=True)
class Step:
    """One thing to see to, and what the tag then measures."""

    name: str
    prepare: str
    call: str
    """Of firmware/tag/fit.py; `{kg}` is the reference weight."""
    usual: bool = True
    """Part of every fitting of its kind. Others are for parts that stand in for the usual ones."""

    @property
    def weighs(self) -> bool:
        """Whether the reference weight is needed."""
        return "{kg}" in self.call


_BED: Final = (
    Step("motion", "The tag is screwed to the backrest.", "imu('lis3dh')"),
    Step("empty", "Bedding on, nobody on the bed, nobody touches it.", "rest('load', 'hx711')"),
    Step("loaded", "Somebody of known weight lies on it, quite still, no foot on the floor.", "weight({kg})"),
    Step("cleared", "Nobody on the bed again.", "emptied()"),
    Step("strip", "As empty, for a load strip in place of load cells.", "rest('load', 'dc')", usual=False),
    Step(
        "motor-off", "No motion sensor, but one of the motor's current: the backrest is still.", "rest('motor')", False
    ),
    Step("motor-on", "The backrest is moving.", "reference('motor')", False),
)
_HOIST: Final = (
    Step("motion", "The tag is screwed to the mast.", "imu('lis3dh')"),
    Step("empty", "Sling on, nobody in it, nothing swings.", "rest('load', 'hx711')"),
    Step("loaded", "A test weight or somebody of known weight hangs clear of the floor, quite still.", "weight({kg})"),
    Step("cleared", "Nobody in the sling again.", "emptied()"),
)
_MATTRESS: Final = (
    Step("pump-off", "The pump is switched off.", "rest('motor', 'ac')"),
    Step("pump-on", "The pump runs.", "reference('motor')"),
    Step("air-low", "The cells of the measured line are at their lowest.", "rest('air')"),
    Step("air-high", "The cells of the measured line are at their fullest.", "reference('air')"),
    Step("empty", "Bedding on, nobody on the mattress.", "rest('load')"),
    Step("loaded", "Somebody of known weight lies on it, quite still.", "weight({kg})"),
    Step("cleared", "Nobody on the mattress again.", "emptied()"),
)
STEPS: Final = {"bed": _BED, "hoist": _HOIST, "mattress": _MATTRESS}
"""By kind, in the order in which they are taken."""


def take(line: Line, step: Step, kg: int) -> dict[str, Any]:
    """Let the tag measure, and note it for good. What it measured.

    Raises:
        NotFitted: that cannot be right.
        LineFailed: the tag did not do it.
    """
    measured = line.fit(step.call.format(kg=kg))
    if "refused" in measured:
        raise NotFitted(measured["refused"])
    return measured
