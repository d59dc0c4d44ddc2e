"""How much is tried: all of it by `make soak`, which sets KITBACK_SOAK, and a fixed sample by `make test`."""

import os
from collections.abc import Sequence
from typing import Final, TypeVar

_T = TypeVar("_T")

SOAK: Final = "KITBACK_SOAK" in os.environ


def sample(everything: Sequence[_T], *indices: int) -> list[_T]:
    """Everything in a soak, else what stands at these places."""
    return list(everything) if SOAK else [everything[index] for index in indices]
