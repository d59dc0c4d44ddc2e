"""Writes the table and the diagram in flags.md beside this file from the watch's own: `python docs/flags.py`."""

import re
from pathlib import Path

from kitback.watch import Action, life
from kitback.watch.life import RIGHT, WRONG, Move, Outcome, Status

PAGE = Path(__file__).with_name("flags.md")
_EVERY = frozenset(Action)


def parts() -> dict[str, str]:
    """What stands between the markers of the page, by their names."""
    return {"diagram": _diagram(), "moves": _moves(), "outcomes": _outcomes()}


def page() -> str:
    """The page as it should be."""
    text = PAGE.read_text(encoding="utf-8")
    for name, part in parts().items():
        text = re.sub(
            rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", lambda m, part=part: m[1] + part + m[2], text, flags=re.DOTALL
        )
    return text


def _diagram() -> str:
    """The way of a question that staff answer, and the judge's own; what is possible from everywhere is left out."""
    steps = [
        f"    {frm} --> {each.to}: {each.name}"
        for each in life.MOVES
        if each.name not in ("close", "reopen", "end")
        for frm in each.frm
        if frm is not each.to
    ]
    return "\n".join(["```mermaid", "stateDiagram-v2", "    [*] --> open", *steps, "    closed --> [*]", "```", ""])


def _moves() -> str:
    rows = [
        "| from | to | move | who | for flags that ask for | needs | what it does |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *(
            f"| {_from(each)} | {each.to.words} | `{each.name}` | {'the watch' if each.by_watch else 'staff'} "
            f"| {_suits(each)} | {_needs(each)} | {each.does} |"
            for each in life.MOVES
        ),
    ]
    return "\n".join([*rows, ""])


def _from(move: Move) -> str:
    others = [each for each in Status if each not in move.frm and each is not move.to]
    if len(move.frm) >= len(Status) - 2:
        return "any other" + "".join(f" but {each.words}" for each in others)
    return ", ".join(each.words for each in move.frm)


def _suits(move: Move) -> str:
    left_out = sorted(each.replace("_", " ") for each in _EVERY - move.suits)
    if not left_out:
        return "anything"
    if len(left_out) < len(move.suits):
        return f"anything but {', '.join(left_out)}"
    return ", ".join(sorted(each.replace("_", " ") for each in move.suits))


def _needs(move: Move) -> str:
    needs = [
        *(each.value for each in move.needs),
        *(["at the end of life: a clinician's word as why"] if move.nears_home else []),
    ]
    return ", ".join(needs) or "-"


def _outcomes() -> str:
    rows = [
        "| outcome | says | was the flag right? | said by |",
        "| --- | --- | --- | --- |",
        *(f"| `{each}` | {each.words} | {_right(each)} | {_said_by(each)} |" for each in Outcome),
    ]
    return "\n".join([*rows, ""])


def _right(outcome: Outcome) -> str:
    return "yes" if outcome in RIGHT else "no" if outcome in WRONG else "says nothing of it"


def _said_by(outcome: Outcome) -> str:
    return ", ".join(dict.fromkeys(f"`{each.name}`" for each in life.MOVES if outcome in each.outcomes))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
