"""What the gateway can have a tag do once. A command is noted as done before it runs: it never runs twice."""

import json
import time

import machine
from micropython import const

from tag import board, clock, nvs, retained
from tag.retained import state

DOWN = b"down/command"
UP = b"up/command"

_KEY = "commands"
_REMEMBERED = const(16)
_LONGEST_ID = const(32)
_BLINKS = const(20)  # ten seconds: well within the watchdog's patience
_BLINK_MS = const(250)
_MAINTAIN_S = const(3600)
_MAINTAIN_LEAST_S = const(60)
_MAINTAIN_MOST_S = const(4 * 3600)

_STAYS = ("identify", "report_now", "maintenance")
ENDS = ("reboot", "ship_mode", "wipe")
"""After these nothing else can be done in this cycle."""


class Command:
    """One that is noted as done and should now run."""

    def __init__(self, do: str, for_s: int) -> None:
        self.do = do
        self.for_s = for_s


def take(body: bytes, generation: int, settle):
    """(answer, Command) for a genuine message. Each may be None: nothing to say, or nothing to do.

    A command that cannot be judged or done yet gets no answer, so that the gateway sends it again. `settle` brings
    everything to the gateway, and says whether it has it.
    """
    try:
        given = json.loads(body)
        name = given["id"]
        if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_ID:
            return None, None
    except (KeyError, TypeError, ValueError):
        return None, None
    answer = {"v": 1, "id": name}
    done = _done()
    if name in done:
        return answer, None
    unix = clock.unix()
    why = _refused(given, generation, unix)
    if why:
        print("command refused: %s" % why)
        answer["refused"] = why
        return answer, None
    do = given["do"]
    if not unix or (do == "wipe" and not settle()):
        return None, None
    if do == "wipe":
        from tag import wipe

        wipe.resolve()  # its note; before the answer, lest it be called done and never happen
    else:
        nvs.keep_blob(_KEY, json.dumps((done + [name])[-_REMEMBERED:]).encode())
    print("command %s" % do)
    return answer, Command(do, given.get("for_s", _MAINTAIN_S))


def run(command: Command) -> None:
    """Do it. Returns only if the cycle goes on. The radio has to be off."""
    now = clock.now()
    if command.do == "identify":
        _identify()
    elif command.do == "report_now":
        state.asked = True
        state.report_at = now
    elif command.do == "maintenance":
        state.maintain_until = now + command.for_s
        state.report_at = now
    elif command.do == "wipe":
        from tag import wipe

        wipe.finish()
    else:
        state.crashes = 0
        state.rebooting = command.do == "reboot"
        retained.save()
        if state.rebooting:
            machine.reset()
        machine.deepsleep()


def _refused(given: dict, generation: int, unix: int):
    """Why the command is not for this tag or this time, in a word of the contract; or None."""
    for_s = given.get("for_s", _MAINTAIN_S)
    if given.get("v") != 1 or type(given.get("expires")) is not int or type(for_s) is not int:
        return "schema"
    if not _MAINTAIN_LEAST_S <= for_s <= _MAINTAIN_MOST_S:
        return "schema"
    if given.get("generation") != generation:
        return "generation"
    if given.get("do") not in _STAYS + ENDS:
        return "unknown"
    return "expired" if given["expires"] < unix else None


def _done() -> list:
    """The ids of the newest commands noted as done."""
    kept = nvs.blob(_KEY)
    try:
        return list(json.loads(kept)) if kept else []
    except (TypeError, ValueError):
        return []


def _identify() -> None:
    """Flash and beep, so that somebody in the room finds it."""
    lamp, buzzer = board.lamp(), board.buzzer()
    for i in range(2 * _BLINKS):
        lamp(1 - i % 2)
        buzzer(1 - i % 2)
        time.sleep_ms(_BLINK_MS)
