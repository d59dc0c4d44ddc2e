"""One row of the register as one FHIR resource.

What goes out is chosen here, element by element, and nothing is copied whole: no place that somebody lives at, no note,
no reason in somebody's words. The person is a logical reference: an identifier, with no resource behind it.

R4 and R4B define these five resources alike.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import sqlalchemy as sa
from msgspec import Struct

from kitback.exchange.giai import NoGiai, giai
from kitback.watch.words import iso

Resource = dict[str, Any]

GIAI: Final = "https://id.gs1.org/8004"
"""System of a GIAI: with `/` and the value it is the GS1 Digital Link."""
KIND: Final = "urn:kitback:kind"
ASSET_STATE: Final = "urn:kitback:asset-state"
PATHWAY: Final = "urn:kitback:pathway"
SETTING: Final = "urn:kitback:setting"
DELIVERY_SPEED: Final = "urn:kitback:delivery-speed"
PARAMETER: Final = "urn:kitback:parameter"
"""What a parameter or a property says: setting, delivery-speed, state."""
TASK: Final = "urn:kitback:task"
COLLECTION_STATUS: Final = "urn:kitback:collection-status"
SUPPLY_ITEM: Final = "http://terminology.hl7.org/CodeSystem/supply-item-type"

_TASK_STATUS: Final = {
    "requested": "requested",
    "booked": "accepted",
    "collected": "in-progress",
    "decontaminated": "in-progress",
    "in_repair": "in-progress",
    "available": "completed",
    "scrapped": "completed",
    "cancelled": "cancelled",
}


class Names(Struct, frozen=True):
    """What identifiers are made of. The same names and the same register make the same ids."""

    service: str
    """An address or URN under which the service's numbers are unique."""
    bundled: bool = True
    """Whether resources refer to each other within one bundle, or across files."""
    company_prefix: str | None = None
    """The service's GS1 company prefix; None: equipment has no GIAI."""

    def system(self, of: str) -> str:
        """The system that numbers of a sort belong to."""
        return f"{self.service.rstrip('/:')}{':' if self.service.startswith('urn:') else '/'}{of}"

    def id(self, kind: str, key: object) -> str:
        """The id of a resource: a UUID that follows from the names, its type and its key."""
        return str(uuid5(NAMESPACE_URL, f"{self.system(kind)}/{key}"))

    def refer(self, kind: str, key: object) -> Resource:
        """A reference to a resource."""
        return {"reference": f"urn:uuid:{self.id(kind, key)}" if self.bundled else f"{kind}/{self.id(kind, key)}"}


def device(row: sa.Row[Any], names: Names) -> Resource:
    """An asset. Its store goes by the name that staff call it: it is the service's own place."""
    identifiers = [{"use": "official", "system": names.system("equipment"), "value": row.asset_id}]
    if names.company_prefix is not None:
        with suppress(NoGiai):  # a number that GS1 has no code for is still the service's number
            identifiers.append({"use": "official", "system": GIAI, "value": giai(row.asset_id, names.company_prefix)})
    owner = _said(row.commissioner)
    store = row.store_id and {
        "type": "Location",
        "identifier": {"system": names.system("store"), "value": row.store_id},
        "display": row.store_name,
    }
    return _known(
        resourceType="Device",
        id=names.id("Device", row.asset_id),
        identifier=identifiers,
        status="inactive" if row.state == "scrapped" else "active",
        serialNumber=_said(row.serial),
        deviceName=[{"name": row.model, "type": "model-name"}],
        type=_code(KIND, row.kind),
        property=[{"type": _code(PARAMETER, "state"), "valueCode": [_code(ASSET_STATE, row.state)]}],
        owner=owner and {"display": owner},
        location=store,
    )


def device_request(row: sa.Row[Any], names: Names) -> Resource:
    """A prescription."""
    parameters = [{"code": _code(PARAMETER, "setting"), "valueCodeableConcept": _code(SETTING, row.setting)}]
    if row.speed is not None:
        speed = _code(DELIVERY_SPEED, row.speed)
        parameters.append({"code": _code(PARAMETER, "delivery-speed"), "valueCodeableConcept": speed})
    return _known(
        resourceType="DeviceRequest",
        id=names.id("DeviceRequest", row.loan_ref),
        identifier=[_loan(row, names)],
        status=_by_course(row, "active", "completed", "revoked"),
        intent="order",
        codeReference=names.refer("Device", row.asset_id),
        parameter=parameters,
        subject=_service_user(row, names),
        occurrenceDateTime=_time(row.deliver_by_s),
        authoredOn=_time(row.prescribed_s),
        reasonCode=[_code(PATHWAY, row.pathway)],
    )


def supply_delivery(row: sa.Row[Any], names: Names) -> Resource:
    """A delivery, made or to be made. It shares the prescription's number: R4 bases none on a DeviceRequest."""
    return _known(
        resourceType="SupplyDelivery",
        id=names.id("SupplyDelivery", row.loan_ref),
        identifier=[_loan(row, names)],
        status=_by_course(row, "in-progress", "completed", "abandoned"),
        patient=_service_user(row, names),
        type={"coding": [{"system": SUPPLY_ITEM, "code": "device"}]},
        suppliedItem={"quantity": {"value": 1}, "itemReference": names.refer("Device", row.asset_id)},
        occurrenceDateTime=_time(row.from_s),
    )


def device_use_statement(row: sa.Row[Any], names: Names) -> Resource:
    """A loan, from its delivery on."""
    return _known(
        resourceType="DeviceUseStatement",
        id=names.id("DeviceUseStatement", row.loan_ref),
        identifier=[_loan(row, names)],
        status="active" if row.to_s is None else "completed",
        subject=_service_user(row, names),
        timingPeriod=_period(row.from_s, row.to_s),
        device=names.refer("Device", row.asset_id),
        reasonCode=[_code(PATHWAY, row.pathway)],
    )


def task(row: sa.Row[Any], names: Names) -> Resource:
    """A collection: the trip home, until the equipment is available again or scrapped."""
    return _known(
        resourceType="Task",
        id=names.id("Task", row.collection_id),
        identifier=[{"system": names.system("collection"), "value": str(row.collection_id)}],
        basedOn=[names.refer("DeviceUseStatement", row.loan_ref)],
        status=_TASK_STATUS[row.status],
        businessStatus=_code(COLLECTION_STATUS, row.status),
        intent="order",
        code=_code(TASK, "collection"),
        focus=names.refer("Device", row.asset_id),
        **{"for": _service_user(row, names)},
        executionPeriod=_period(row.collected_s, row.ended_s if row.collected_s is not None else None),
        authoredOn=_time(row.requested_s),
        restriction=row.collect_by_s and {"period": {"end": iso(row.collect_by_s)}},
    )


MAKERS: Final[dict[str, Callable[[sa.Row[Any], Names], Resource]]] = {
    "Device": device,
    "DeviceRequest": device_request,
    "SupplyDelivery": supply_delivery,
    "DeviceUseStatement": device_use_statement,
    "Task": task,
}
"""By type, in the order in which they go out."""


def _by_course(row: sa.Row[Any], waiting: str, delivered: str, cancelled: str) -> str:
    if row.from_s is not None:
        return delivered
    return waiting if row.to_s is None else cancelled


def _service_user(row: sa.Row[Any], names: Names) -> Resource:
    # FHIR's word for whoever is cared for. All that is known of them here is which loan is theirs.
    return {"type": "Patient", "identifier": {"system": names.system("service-user"), "value": row.loan_ref}}


def _loan(row: sa.Row[Any], names: Names) -> Resource:
    return {"system": names.system("loan"), "value": row.loan_ref}


def _code(system: str, code: str) -> Resource:
    return {"coding": [{"system": system, "code": code}], "text": code.replace("_", " ")}


def _said(text: str | None) -> str | None:
    """Blanks say nothing, and FHIR allows no text that is blank."""
    return (text or "").strip() or None


def _time(unix_s: int | None) -> str | None:
    return None if unix_s is None else iso(unix_s)


def _period(start_s: int | None, end_s: int | None) -> Resource | None:
    return _known(start=_time(start_s), end=_time(end_s)) or None


def _known(**elements: Any) -> Resource:
    """FHIR has no null: what is not known is left out."""
    return {name: value for name, value in elements.items() if value is not None}
