"""What is prescribed and not delivered is in the store still: nobody is asked about it."""

import sqlalchemy as sa

from kitback.register import loans
from kitback.register.tables import judgement
from lending import DAY, HOUR, NOW, Service
from moves import return_ready


def test_equipment_that_waits_in_the_store_for_its_delivery_is_not_idle_overdue_silent_or_back(
    service: Service,
) -> None:
    long_ago = NOW - 60 * DAY
    service.lend("M", "mattress", days=90)
    with service.register.write() as conn:
        return_ready(conn, "L-M", NOW - 30 * DAY)
        loans.prescribe(conn, service.policy, "L-2", "M", "long_term", "home", "home", NOW - HOUR)
    service.tell("M", used_at=long_ago, complete_to=NOW, whole=True, place_id="store", place_type="store")
    service.tell("M", place_from=long_ago, heard_at=long_ago)
    service.judge()
    assert service.open_flags("M") == {}
    with service.register.read() as conn:
        assert conn.scalar(sa.select(judgement.c.loan_ref)) == "L-2"
