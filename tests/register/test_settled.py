"""What the first start settles holds for all that follow."""

import pytest

from kitback.register import Register
from kitback.register.settled import settle


@pytest.mark.both_engines
def test_what_is_said_first_holds(register: Register) -> None:
    assert settle(register, "root", "stores") == "stores"
    assert settle(register, "root", "wards") == "stores"
    assert settle(register, "pepper", "wards") == "wards"
