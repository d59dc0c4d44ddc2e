"""A small service: a bed, a hoist, a tag, and two homes."""

import pytest

from kitback.register import Register, assets, places, tags
from moves import TAG, T


@pytest.fixture
def stocked(register: Register) -> Register:
    with register.write() as conn:
        places.add_place(conn, "home", None, "loan_address", "Home", T)
        places.add_place(conn, "new-home", None, "loan_address", "New home", T)
        places.add_place(conn, "bedroom", "home", "zone", "Bedroom", T)
        assets.add_asset(conn, "BED-1", "bed", "Bed", T)
        assets.add_asset(conn, "HST-1", "hoist", "Hoist", T)
        tags.enrol_tag(conn, TAG, b"s" * 32, T)
    return register
