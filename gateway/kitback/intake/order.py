"""Order and duplicates: which records of a batch are new, which are repeats, which are lost. Pure.

For each journal of a tag the register keeps `high`: every record up to it has been applied, quarantined or written off.
It never goes back. Ranges that were written off stay known, because what they stand for may come after all.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from kitback.register.tag_states import Range

JUMP: Final = 2**20
"""The farthest that sequence numbers may run ahead; a journal holds a few thousand records."""


class Verdict(Struct, frozen=True):
    """What is to be done with one batch."""

    early: bool
    """The batch lies beyond `high`, and what is between may still come: nothing of it counts."""
    high: int
    """The new `high`."""
    taken: tuple[int, ...] = ()
    """Positions in the batch of the records that count."""
    found: int = 0
    """How many of these had been written off."""
    duplicates: int = 0
    written_off: int = 0
    """How many records are lost, as far as this batch tells."""
    gaps: tuple[Range, ...] = ()
    """All ranges of the journal that are written off now, in order."""


def judge(high: int, gaps: Sequence[Range], oldest: int, after: int, seqs: Sequence[int]) -> Verdict:
    """Judge a batch.

    Args:
        high: as the register keeps it; `oldest - 1` for a journal seen for the first time.
        gaps: the ranges written off so far.
        oldest: the lowest sequence number that the tag still holds.
        after: the sequence number just before the batch.
        seqs: the batch's sequence numbers, as they came.
    """
    if after == high and oldest <= high + 1 and not gaps and (not seqs or seqs[-1] == after + len(seqs)):
        # What comes nearly always: just the next records.
        return Verdict(early=False, high=after + len(seqs), taken=tuple(range(len(seqs))))
    gone_to = max(high, oldest - 1)
    if after > gone_to:
        return Verdict(early=True, high=high, gaps=tuple(gaps))
    left = list(gaps)
    taken: list[int] = []
    found = written_off = 0
    for position, seq in enumerate(seqs):
        if seq > high:
            written_off += _write_off(left, high + 1, seq - 1)
            high = seq
            taken.append(position)
        elif left and _find(left, seq):
            found += 1
            taken.append(position)
    written_off += _write_off(left, high + 1, gone_to)
    return Verdict(
        early=False,
        high=max(high, gone_to),
        taken=tuple(taken),
        found=found,
        duplicates=len(seqs) - len(taken),
        written_off=written_off,
        gaps=tuple(left),
    )


def too_far(high: int, oldest: int, newest: int) -> bool:
    """Whether the numbers run so far ahead that believing them would write off a journal's whole future."""
    return oldest - 1 - high > JUMP or newest - max(high, oldest - 1) > JUMP


def number_all(after: int, newest: int, sound: Sequence[int | None], claimed: Sequence[int | None]) -> list[int | None]:
    """Number the records of a batch, of which some are damaged.

    Args:
        after: the sequence number just before the batch.
        newest: the highest that the tag has given.
        sound: the numbers of the sound records, None for each damaged one.
        claimed: what a damaged record's own number seems to be, None where it shows none.

    Returns:
        A number for each record. A damaged one keeps its claim if the records around it bear that out, else it takes
        the number after the one before it: a damaged number must never write off what may still come. None where the
        records around it leave nothing that it could be.
    """
    numbers: list[int | None] = []
    before = after
    for position, (known, claim) in enumerate(zip(sound, claimed, strict=True)):
        number = known
        if number is None:
            following = next((later for later in sound[position + 1 :] if later is not None), None)
            if claim is not None and following is not None and before < claim < following:
                number = claim
            elif before + 1 < (newest + 1 if following is None else following):
                number = before + 1
        numbers.append(number)
        before = before if number is None else number
    return numbers


def in_order(oldest: int, newest: int, after: int, seqs: Sequence[int]) -> bool:
    """Whether a report agrees with itself: numbers rise strictly, from beyond `after` to no further than `newest`."""
    last = after
    for seq in seqs:
        if seq <= last:
            return False
        last = seq
    return oldest <= newest + 1 and last <= newest


def _write_off(gaps: list[Range], first: int, last: int) -> int:
    """Add a range, if there is anything in it; returns how many."""
    if first > last:
        return 0
    joined = gaps.pop().first if gaps and gaps[-1].last == first - 1 else first
    gaps.append(Range(joined, last))
    return last - first + 1


def _find(gaps: list[Range], seq: int) -> bool:
    """Take a number out of the ranges; whether it was in one."""
    for i, gap in enumerate(gaps):
        if gap.first <= seq <= gap.last:
            pieces = (Range(gap.first, seq - 1), Range(seq + 1, gap.last))
            gaps[i : i + 1] = [piece for piece in pieces if piece.first <= piece.last]
            return True
    return False
