"""Use, decided by kind. Each kind is a class with:

`SENSE_S`, `REPORT_S`: how often it senses, and reports at least, in seconds;
`WAKES_ON_MOTION`: whether motion ends deep sleep;
`sense(mains, now) -> int`: read the sensors; the answer is the number of events since the last sense;
`active`: whether it is in use now;
`unpowered`: whether it is without power while somebody needs it;
`light`: whether to stay in light sleep even without mains;
`sense_s`: seconds until it wants to sense again.

Levels are in parts of a sensor's own scale (gauge.py): of a load 1000 is 35 kg, or on a plain circuit that nobody
calibrated whatever makes 1.5 V.
"""

KINDS = ("bed", "hoist", "mattress")


def of(kind: int, cells: bytearray):
    """The use sensing of the kind at this place in KINDS. `cells`: four bytes that outlive sleep, for its switches."""
    if kind == 0:
        from tag.use.bed import Bed

        return Bed(cells)
    if kind == 1:
        from tag.use.hoist import Hoist

        return Hoist(cells)
    from tag.use.mattress import Mattress

    return Mattress(cells)
