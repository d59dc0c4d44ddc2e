"""A level that is either on or off, in spite of noise."""

from micropython import const

_ON = const(0x80)


class Switch:
    """On at `on` or more, off below `off`, and only after `settle` readings in a row say so.

    The state is one byte, `cells[i]`, that may outlive this object: the top bit is on or off, the rest counts
    readings that say otherwise.
    """

    def __init__(self, cells: bytearray, i: int, on: int, off: int, settle: int) -> None:
        self._cells = cells
        self._i = i
        self._on = on
        self._off = off
        self._settle = settle

    def feed(self, level: int | None) -> bool:
        """Take one reading; None is none, and changes nothing. Whether it is on now."""
        if level is None:
            return self.is_on()
        cell = self._cells[self._i]
        if cell & _ON:
            if level >= self._off:
                cell = _ON
            else:
                cell += 1
                if cell - _ON >= self._settle:
                    cell = 0
        elif level < self._on:
            cell = 0
        else:
            cell += 1
            if cell >= self._settle:
                cell = _ON
        self._cells[self._i] = cell
        return cell >= _ON

    def is_on(self) -> bool:
        """The present state."""
        return self._cells[self._i] >= _ON

    def settling(self) -> bool:
        """Whether the last reading spoke for a change that has not settled yet."""
        return self._cells[self._i] & ~_ON != 0
