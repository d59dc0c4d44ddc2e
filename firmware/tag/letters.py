"""What the gateway has left for the tag, taken in after the upload: settings are applied, commands noted."""

import json

from micropython import const

from tag import commands, hmac, settings
from tag.retained import state

_LISTEN_MS = const(1000)
_MOST = const(16)  # letters in a talk; the rest keep


def take(uplink, config, upload, settle, to_run: list) -> None:
    """Answer what has come, and what the newest ack said is still to come. Commands to run are added to `to_run`."""
    expected = upload.commands + (upload.settings > state.settings)
    for _ in range(_MOST):
        letter = uplink.mail(_LISTEN_MS if expected > 0 else 0)
        if letter is None:
            break
        expected -= 1
        channel, message = letter
        body = hmac.unseal(config.secret, channel, message)
        if body is None:
            print("a letter that is not the gateway's")
            continue
        if channel == settings.DOWN:
            _answer(uplink, config, settings.UP, settings.take(body, config.generation))
        elif channel == commands.DOWN:
            answer, command = commands.take(body, config.generation, settle)
            if command:
                to_run.append(command)  # first: it is noted as done, and the answer may fail
            if answer:
                _answer(uplink, config, commands.UP, answer)
            if command and command.do in commands.ENDS:
                break


def _answer(uplink, config, channel: bytes, answer: dict) -> None:
    uplink.send(hmac.seal(config.secret, channel, json.dumps(answer, separators=(",", ":")).encode()), channel)
