"""Log lines: for people, or one JSON object each for programs."""

import logging
from datetime import UTC, datetime
from typing import Final

import msgspec

_FOR_PEOPLE: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"
_NAMED: Final = ("tag", "reason", "sink")
"""What a record may say by itself, beside its message: `extra={"tag": …}`."""


class JsonLines(logging.Formatter):
    """One JSON object a record: `at`, `level`, `part`, `message`, what it names, and `exception` if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The object, without a newline."""
        entry: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "part": record.name,
            "message": record.getMessage(),
            **{name: record.__dict__[name] for name in _NAMED if name in record.__dict__},
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(entry).decode()


def begin(*, as_json: bool) -> None:
    """Log to standard error from now on."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if as_json else logging.Formatter(_FOR_PEOPLE))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
