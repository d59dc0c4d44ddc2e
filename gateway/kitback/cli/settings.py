"""The gateway's configuration: a TOML file, and over it the environment."""

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from kitback.cli.where import data_folder, default_register

if TYPE_CHECKING:
    from kitback.service import Config

_PREFIX = "KITBACK_"


def read(path: Path | None) -> "Config":
    """The configuration of a file, and over it `KITBACK_…`: `KITBACK_WEB_PORT` is `port` in `[web]`.

    What neither names is a default: data in the data folder, an embedded broker, pages on this machine.

    Raises:
        ConfigError: a value is missing, unknown or of the wrong type; the message says which and where.
    """
    from kitback.service import Config, ConfigError, read_config

    settings: dict[str, Any] = {
        "register": default_register(),
        "pepper": str(data_folder() / "pepper"),
        "web": {},
    }
    if path is not None:
        settings |= _file(path)
    _overlay(settings, Config, _PREFIX)
    _feeds(settings)
    try:
        return read_config(settings)
    except ConfigError as error:
        raise ConfigError(f"{error} (from {path or 'the defaults'} and the environment's {_PREFIX}…)") from error


def _file(path: Path) -> dict[str, Any]:
    from kitback.service import ConfigError

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; give the path of a file that can be read") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error


def _overlay(settings: dict[str, Any], fields_of: type, prefix: str) -> None:
    """Put what the environment says over `settings`, whose shape is that of a struct."""
    import msgspec

    from kitback.service import ConfigError

    for field in msgspec.structs.fields(fields_of):
        name = prefix + field.name.upper()
        inner = next((each for each in (field.type, *get_args(field.type)) if _is_struct(each)), None)
        if inner is not None:
            table = dict(settings.get(field.name) or {})
            _overlay(table, inner, f"{name}_")
            if table:
                settings[field.name] = table
        elif name in os.environ:
            try:
                settings[field.name] = msgspec.convert(os.environ[name], field.type, strict=False)
            except msgspec.ValidationError as error:
                raise ConfigError(f"{name} in the environment: {error}") from error


def _feeds(settings: dict[str, Any]) -> None:
    """The tokens of feeds: `KITBACK_FEEDS_ACME` is that of the source acme."""
    prefix = f"{_PREFIX}FEEDS_"
    given = {name.removeprefix(prefix).lower(): token for name, token in os.environ.items() if name.startswith(prefix)}
    if given:
        settings["feeds"] = {**settings.get("feeds", {}), **given}


def _is_struct(each: Any) -> bool:
    import msgspec

    return isinstance(each, type) and issubclass(each, msgspec.Struct)
