"""The settings that the service has for this tag: checked, applied as a whole or refused with a reason, told back.

NVS keeps the document, the state its values: a quiet wake needs only the state. A value of 0 there is one that the
document does not give: the tag's makers chose it.
"""

import json

from micropython import const

from tag import nvs
from tag.retained import state

DOWN = b"down/settings"
UP = b"up/settings"

_KEY = "settings"
_NEWEST = const(0x7FFF_FFFF)

BOUNDS = {
    "report_s": (900, 604_800),
    "fix_s": (3600, 604_800),
    "scan_gap_s": (600, 86_400),
    "settled_s": (60, 3600),
    "pause_s": (300, 7200),
    "safe_mv": (2800, 3600),
}
"""The fields of the state that can be set, each with its least and its most."""


class _Refused(Exception):
    """These settings are not for this tag. Says why, in a word of the contract."""


def restore(generation: int) -> None:
    """Put the settings kept in NVS into the state."""
    _apply(0, {})
    document = nvs.blob(_KEY)
    if document is None:
        return
    try:
        _apply(*_checked(json.loads(document), generation))
    except (_Refused, ValueError) as error:  # of an earlier provisioning, or another version
        print("settings not restored: %s" % error)


def take(body: bytes, generation: int) -> dict:
    """Apply the settings of a genuine message, unless they are to be refused. The answer."""
    answer: dict = {"v": 1, "revision": 0}
    try:
        try:
            document = json.loads(body)
        except ValueError:
            raise _Refused("schema") from None
        revision, values = _checked(document, generation, answer)
        if revision < state.settings:
            raise _Refused("stale")
        if revision > state.settings:
            nvs.keep_blob(_KEY, body)
            _apply(revision, values)
            state.crashes = 0  # should it have been the settings, safe mode may end
    except _Refused as why:
        answer["refused"] = str(why)
    print("settings %d %s" % (answer["revision"], answer.get("refused", "applied")))
    answer["in_force"] = state.settings
    answer["values"] = {name: getattr(state, name) for name in BOUNDS if getattr(state, name)}
    return answer


def _checked(document, generation: int, answer: dict | None = None):
    """(revision, values) of a document that is good in every part. `answer` is told the revision early."""
    if not isinstance(document, dict) or not _within(document.get("revision"), 1, _NEWEST):
        raise _Refused("schema")
    if answer:
        answer["revision"] = document["revision"]
    values = document.get("values")
    if document.get("v") != 1 or not isinstance(values, dict):
        raise _Refused("schema")
    if document.get("generation") != generation:
        raise _Refused("generation")
    for name, value in values.items():
        if name not in BOUNDS:
            raise _Refused("schema")
        if not _within(value, *BOUNDS[name]):
            raise _Refused("bounds: " + name)
    if values.get("scan_gap_s", 0) > values.get("fix_s", _NEWEST):
        raise _Refused("bounds: scan_gap_s")
    return document["revision"], values


def _within(value, least: int, most: int) -> bool:
    return isinstance(value, int) and least <= value <= most


def _apply(revision: int, values: dict) -> None:
    for name in BOUNDS:
        setattr(state, name, values.get(name, 0))
    state.settings = revision
