"""What the log says, and what it never says."""

import io
import json
import logging
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from influx import Bucket
from kitback import wire
from kitback.cli.logs import JsonLines
from kitback.history import Drain
from kitback.intake import Intake
from kitback.register import Register
from paper_tag import ROOT, PaperTag, SetClock, nowhere

TOKEN = "kitback:a-very-secret-token"
ANCHOR = "c0ffee123456"
WORDS = "Mrs-Patel-of-Oadby"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that anybody logs, at the greatest length, as JSON lines."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)


def entries(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


@pytest.fixture
def tag(register: Register) -> PaperTag:
    tag = PaperTag(pair=wire.Pair(0, 0, 1_750_000_000))
    with register.write() as conn:
        tag.enrol(conn)
    return tag


@pytest.fixture
def bad_day(
    log: io.StringIO,
    register: Register,
    clock: SetClock,
    tag: PaperTag,
    bucket: Bucket,
    monkeypatch: pytest.MonkeyPatch,
) -> io.StringIO:
    """The log of messages of all kinds, one that we fail on, and an InfluxDB that refuses the token."""
    intake = Intake(register, clock, ROOT, nowhere)
    tag.use(span=60)
    tag.note(wire.Fix, cause="due", key=1, heard=[wire.Heard(ANCHOR, -50)])
    body = wire.encode(tag.report())
    intake.take(
        [
            tag.message(),
            (tag.topic, b'{"name":"' + WORDS.encode() + b'"}\nunsigned'),
            tag.seal(WORDS.encode()),
            tag.seal(body.replace(b'"due"', b'"%s"' % WORDS.encode())),
            (f"kitback/{WORDS}", b"x"),
            (wire.topic(ROOT, "0123456789ab", wire.UP_REPORT), WORDS.encode()),
        ]
    )
    monkeypatch.setattr("kitback.intake.intake.Taking.take", lambda *_: 1 / 0)
    intake.take([tag.message()])
    Drain(register, clock, replace(bucket, token=TOKEN).sink()).run_once()
    return log


def test_each_line_is_an_object_that_names_tag_and_reason(bad_day: io.StringIO, tag: PaperTag) -> None:
    named = [(entry["level"], entry.get("tag"), entry.get("reason")) for entry in entries(bad_day) if "reason" in entry]
    assert ("warning", tag.tag_id, "not_signed") in named
    assert ("warning", tag.tag_id, "not_json") in named
    assert ("warning", None, "bad_topic") in named
    assert ("warning", "0123456789ab", "unknown_tag") in named
    assert ("error", tag.tag_id, "failed") in named
    (failed,) = [entry for entry in entries(bad_day) if "exception" in entry]
    assert "ZeroDivisionError" in failed["exception"]
    (waits,) = [entry for entry in entries(bad_day) if "history waits" in entry["message"]]
    assert (waits["level"], waits["part"]) == ("error", "kitback.history.drain")
    assert {"at", "sink"} <= set(waits)


def test_no_line_holds_a_secret_or_what_a_message_said(bad_day: io.StringIO, tag: PaperTag) -> None:
    said = bad_day.getvalue()
    assert len(said) > 1000
    secrets = [TOKEN, b64encode(TOKEN.encode()).decode(), tag.secret.hex(), b64encode(tag.secret).decode(), ANCHOR]
    for secret in [*secrets, repr(tag.secret), WORDS]:
        lines = [line for line in said.splitlines() if secret in line]
        assert lines == [], secret


def test_the_gateway_logs_for_programs_when_it_is_told_to(tmp_path: Path) -> None:
    import os
    import subprocess
    import sys

    environment = os.environ | {"KITBACK_EMBEDDED_PORT": "70000"}
    for flag, more in (["--log-json"], {}), ([], {"KITBACK_LOG_JSON": "1"}):
        told = subprocess.run(
            [sys.executable, "-c", _LOGGING, "gateway", *flag],
            env=environment | more,
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        first = json.loads(told.stderr.splitlines()[0])
        assert (first["level"], first["message"]) == ("info", "hello")


_LOGGING = """
import logging, kitback.service
class Gateway:
    def __init__(self, config, clock):
        logging.getLogger("kitback").info("hello")
        raise SystemExit
kitback.service.Gateway = Gateway
from kitback.cli import main
main()
"""
