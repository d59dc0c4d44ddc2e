"""Where the register is, and opening what is there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kitback.cli.plain import WRONG, fail, failing

if TYPE_CHECKING:
    from kitback.policy import Policy
    from kitback.register import Register


def data_folder() -> Path:
    """Where Kitback keeps its data unless told: `KITBACK_DATA`, else the user's data folder."""
    told = os.environ.get("KITBACK_DATA")
    if told:
        return Path(told)
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "kitback"


def default_register() -> str:
    """The register in the data folder."""
    return str(data_folder() / "register.db")


RegisterOption = Annotated[
    str,
    typer.Option(
        "--register",
        "-r",
        metavar="FILE|URL",
        envvar="KITBACK_REGISTER",
        default_factory=default_register,
        show_default="register.db in $KITBACK_DATA or ~/.local/share/kitback",
        help="The register: a file, or a database URL.",
    ),
]
PolicyOption = Annotated[
    Path | None,
    typer.Option(
        "--policy",
        metavar="FILE",
        envvar="KITBACK_POLICY",
        help="Your service's policy file. Without it the defaults hold.",
    ),
]


@contextmanager
def opened(register: str) -> Iterator["Register"]:
    """The register, which must be there already; its failures end the command in plain words."""
    from kitback.register import Register, RegisterError

    path = register.removeprefix("sqlite:///")
    if "://" not in path and not Path(path).is_file():
        fail(f"there is no register at {register}; `kitback gateway` makes one, `kitback demo --keep FOLDER` as well")
    with failing(RegisterError):
        found = Register.open(register)
        try:
            yield found
        finally:
            found.close()


def read_policy(path: Path | None) -> "Policy":
    """The service's policy; what is wrong with it ends the command in plain words."""
    from kitback.policy import PolicyError, load

    with failing(PolicyError, code=WRONG):
        return load(path)
