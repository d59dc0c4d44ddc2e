"""The register as FHIR: what goes out, what never does, and that both files are what FHIR says they are."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fhir.resources.R4B.bundle import Bundle

from fhir_parts import BEGAN, NAMES, bundle, fill
from kitback.exchange.fhir import Chosen, Invalid, Names, identity, resources, write_bundle, write_ndjson
from kitback.register import IllegalMove, Register
from kitback.register.tables import asset, collection
from lending import DAY

ALL = Chosen()
OURS = Names("https://equipment.example")
Resource = dict[str, Any]

# Required codes of R4 (4.0.1), which the models do not check.
STATUS = {
    "Device": {"active", "inactive", "entered-in-error", "unknown"},
    "DeviceRequest": {"draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown"},
    "SupplyDelivery": {"in-progress", "completed", "abandoned", "entered-in-error"},
    "DeviceUseStatement": {"active", "completed", "entered-in-error", "intended", "stopped", "on-hold"},
    "Task": {
        *("draft", "requested", "received", "accepted", "rejected", "ready", "cancelled", "in-progress", "on-hold"),
        *("failed", "completed", "entered-in-error"),
    },
}


@pytest.fixture
def filled(register: Register) -> Register:
    fill(register)
    return register


def told(register: Register, chosen: Chosen = ALL, names: Names = OURS) -> dict[str, list[Resource]]:
    """The resources, by type."""
    with register.read() as conn:
        return {kind: list(each) for kind, each in resources(conn, chosen, names)}


def flat(by_type: dict[str, list[Resource]]) -> list[Resource]:
    return [resource for each in by_type.values() for resource in each]


def by_number(found: list[Resource]) -> dict[str, Resource]:
    return {each["identifier"][0]["value"]: each for each in found}


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for each in value.values():
            yield from strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)
    else:
        yield str(value)


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "reference" in value:
            yield value["reference"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


@pytest.mark.both_engines
def test_a_bundle_holds_all_there_is(filled: Register, tmp_path: Path) -> None:
    with filled.read() as conn:
        written = write_bundle(tmp_path / "all.json", resources(conn, ALL, OURS))
    assert written == {"Device": 6, "DeviceRequest": 6, "SupplyDelivery": 6, "DeviceUseStatement": 4, "Task": 3}
    found = json.loads((tmp_path / "all.json").read_text())
    assert found["type"] == "collection"
    assert len(Bundle.model_validate(found).entry) == written.total()


def test_every_reference_in_a_bundle_is_to_an_entry_of_it(filled: Register, tmp_path: Path) -> None:
    for chosen in (ALL, Chosen(loan_ref="L-6"), Chosen(asset_id="BED-5"), Chosen(since_s=BEGAN + 31 * DAY)):
        with filled.read() as conn:
            write_bundle(tmp_path / "some.json", resources(conn, chosen, OURS))
        found = json.loads((tmp_path / "some.json").read_text())
        entries = {each["fullUrl"] for each in found["entry"]}
        assert {f"urn:uuid:{each['id']}" for each in bundle(tmp_path / "some.json")} == entries
        assert set(references(found)) - entries == set()
        assert len(set(references(found))) > 0


def test_bulk_files_have_a_resource_a_line_and_refer_across_files(filled: Register, tmp_path: Path) -> None:
    with filled.read() as conn:
        names = Names(OURS.service, bundled=False)
        written = write_ndjson(tmp_path / "bulk", resources(conn, ALL, names))
    found = []
    for kind, count in written.items():
        lines = (tmp_path / "bulk" / f"{kind}.ndjson").read_text().splitlines()
        assert len(lines) == count
        found += [json.loads(each) for each in lines]
    there = {f"{each['resourceType']}/{each['id']}" for each in found}
    assert set(references(found)) <= there
    assert {each["id"] for each in found} == {each["id"] for each in flat(told(filled))}


def test_exporting_again_gives_the_same_file(filled: Register, tmp_path: Path) -> None:
    for name in ("a", "b"):
        with filled.read() as conn:
            write_bundle(tmp_path / name, resources(conn, ALL, OURS))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_ids_differ_between_services_whose_numbers_are_alike(filled: Register) -> None:
    ours, theirs = ({each["id"] for each in flat(told(filled, names=Names(who)))} for who in ("urn:a", "urn:b"))
    assert len(ours) == 25
    assert not ours & theirs


def test_an_asset_is_a_device(filled: Register) -> None:
    beds = by_number(told(filled, names=Names(OURS.service, company_prefix="9501101"))["Device"])
    bed = beds["BED-6"]
    assert bed["identifier"] == [
        {"use": "official", "system": "https://equipment.example/equipment", "value": "BED-6"},
        {"use": "official", "system": "https://id.gs1.org/8004", "value": "9501101BED-6"},
    ]
    assert (bed["serialNumber"], bed["deviceName"]) == ("SN6", [{"name": "Profiling bed", "type": "model-name"}])
    assert bed["location"]["display"] == "Leicester store"
    assert bed["owner"] == {"display": "Leicester City"}
    assert bed["property"][0]["valueCode"][0]["text"] == "available"
    assert "location" not in beds["BED-3"]


def test_without_a_company_prefix_or_with_a_number_gs1_has_no_code_for_there_is_no_giai(filled: Register) -> None:
    assert {len(each["identifier"]) for each in told(filled)["Device"]} == {1}
    with filled.write() as conn:
        conn.execute(sa.insert(asset).values(asset_id="BED 7", kind="bed", model="M", state="available"))
    found = told(filled, Chosen(asset_id="BED 7"), Names(OURS.service, company_prefix="9501101"))
    assert len(found["Device"][0]["identifier"]) == 1


def test_what_is_scrapped_is_inactive(filled: Register) -> None:
    with filled.write() as conn:
        conn.execute(sa.update(asset).where(asset.c.asset_id == "BED-1").values(state="scrapped"))
    assert {number: each["status"] for number, each in by_number(told(filled)["Device"]).items()} == {
        "BED-1": "inactive",
        **{f"BED-{number}": "active" for number in range(2, 7)},
    }


def test_a_prescription_is_a_device_request_with_the_time_to_deliver_by(filled: Register) -> None:
    found = by_number(told(filled)["DeviceRequest"])
    assert [found[f"L-{number}"]["status"] for number in (1, 2, 3)] == ["active", "revoked", "completed"]
    asked = found["L-1"]
    assert asked["subject"] == {
        "type": "Patient",
        "identifier": {"system": "https://equipment.example/service-user", "value": "L-1"},
    }
    assert (asked["authoredOn"], asked["occurrenceDateTime"]) == ("2025-08-04T11:00:00Z", "2025-08-04T15:00:00Z")
    assert [each["valueCodeableConcept"]["text"] for each in asked["parameter"]] == ["home", "1"]
    assert asked["reasonCode"][0]["coding"] == [{"system": "urn:kitback:pathway", "code": "home_first"}]


def test_a_delivery_is_a_supply_delivery_with_when_it_was_made(filled: Register) -> None:
    found = by_number(told(filled)["SupplyDelivery"])
    assert [found[f"L-{number}"]["status"] for number in (1, 2, 3)] == ["in-progress", "abandoned", "completed"]
    assert found["L-3"]["occurrenceDateTime"] == "2025-08-05T11:00:00Z"
    assert "occurrenceDateTime" not in found["L-1"]


def test_a_loan_is_a_device_use_statement_from_delivery_to_return(filled: Register) -> None:
    found = by_number(told(filled)["DeviceUseStatement"])
    assert set(found) == {"L-3", "L-4", "L-5", "L-6"}
    assert (found["L-3"]["status"], found["L-3"]["timingPeriod"]) == ("active", {"start": "2025-08-05T11:00:00Z"})
    assert found["L-5"]["status"] == "completed"
    assert found["L-5"]["timingPeriod"]["end"] == "2025-09-03T11:00:00Z"


def test_a_collection_is_a_task(filled: Register) -> None:
    found = by_number(told(filled)["Task"])
    assert {number: each["status"] for number, each in found.items()} == {
        "1": "accepted",
        "2": "in-progress",
        "3": "completed",
    }
    assert found["3"]["executionPeriod"] == {"start": "2025-09-03T11:00:00Z", "end": "2025-09-05T11:00:00Z"}
    assert found["3"]["restriction"] == {"period": {"end": "2025-09-08T22:59:59Z"}}
    assert found["2"]["businessStatus"]["text"] == "decontaminated"
    assert "executionPeriod" not in found["1"]


def test_every_status_is_one_of_r4(filled: Register) -> None:
    with filled.write() as conn:
        ended: dict[str, Any] = {"ended_s": BEGAN + 40 * DAY}
        rows = [
            {"status": "requested", "loan_ref": "L-1", "asset_id": "BED-1"},
            {"status": "scrapped", "loan_ref": "L-3", "asset_id": "BED-3", **ended},
            {"status": "cancelled", "loan_ref": "L-3", "asset_id": "BED-3", **ended},
            {"status": "in_repair", "loan_ref": "L-3", "asset_id": "BED-3"},
            {"status": "collected", "loan_ref": "L-2", "asset_id": "BED-2"},
        ]
        for number, row in enumerate(rows, 100):
            conn.execute(sa.insert(collection).values(collection_id=number, **row))
    found = flat(told(filled))
    assert len([each for each in found if each["resourceType"] == "Task"]) == 8
    for each in found:
        assert each["status"] in STATUS[each["resourceType"]]


def test_one_loan_goes_out_with_its_equipment_and_its_collection(filled: Register) -> None:
    found = told(filled, Chosen(loan_ref="L-6"))
    assert {kind: [each["identifier"][0]["value"] for each in some] for kind, some in found.items()} == {
        "Device": ["BED-6"],
        "DeviceRequest": ["L-6"],
        "SupplyDelivery": ["L-6"],
        "DeviceUseStatement": ["L-6"],
        "Task": ["3"],
    }


def test_one_asset_goes_out_with_its_loans(filled: Register) -> None:
    found = told(filled, Chosen(asset_id="BED-2"))
    assert [len(each) for each in found.values()] == [1, 1, 1, 0, 0]


def test_since_a_day_goes_out_what_ran_or_was_on_its_way_home_then(filled: Register) -> None:
    late = told(filled, Chosen(since_s=BEGAN + 32 * DAY))
    later = told(filled, Chosen(since_s=BEGAN + 32 * DAY + 1))
    assert set(by_number(late["DeviceRequest"])) == {"L-1", "L-3", "L-4", "L-5", "L-6"}
    assert set(by_number(later["DeviceRequest"])) == {"L-1", "L-3", "L-4", "L-5"}
    assert set(by_number(later["Device"])) == {"BED-1", "BED-3", "BED-4", "BED-5"}
    assert set(by_number(told(filled, Chosen(since_s=BEGAN + DAY))["DeviceRequest"])) >= {"L-2"}


@pytest.mark.parametrize("chosen", [Chosen(loan_ref="L-99"), Chosen(asset_id="BED-99")])
def test_what_is_not_in_the_register_is_refused(filled: Register, chosen: Chosen) -> None:
    with pytest.raises(IllegalMove, match="there is no"):
        told(filled, chosen)


@pytest.mark.parametrize("bundled", [True, False])
def test_no_name_and_no_address_goes_out_wherever_somebody_wrote_it(filled: Register, bundled: bool) -> None:
    said = " ".join(strings(flat(told(filled, names=Names(OURS.service, bundled=bundled, company_prefix="9501101")))))
    assert "L-3" in said
    assert not [name for name in NAMES if name.lower() in said.lower()]


def test_no_resource_is_a_person_or_holds_one(filled: Register) -> None:
    found = told(filled)
    assert set(found) == {"Device", "DeviceRequest", "SupplyDelivery", "DeviceUseStatement", "Task"}
    for each in flat(found):
        assert not {"contained", "text", "note", "requester", "performer"} & set(each)
        for name in ("subject", "patient", "for"):
            assert set(each.get(name, {})) <= {"type", "identifier"}


def test_the_register_s_own_identity_stands_in_for_a_service_s(filled: Register) -> None:
    with filled.read() as conn:
        assert identity(conn) == f"urn:kitback:{filled.epoch}"
    found = told(filled, Chosen(loan_ref="L-6"), Names("urn:kitback:0a1b2c3d"))
    assert found["DeviceUseStatement"][0]["identifier"][0]["system"] == "urn:kitback:0a1b2c3d:loan"


def test_blanks_are_nothing_known(filled: Register) -> None:
    with filled.write() as conn:
        conn.execute(sa.update(asset).where(asset.c.asset_id == "BED-4").values(serial=" ", commissioner=""))
    (bed,) = told(filled, Chosen(asset_id="BED-4"))["Device"]
    assert not {"serialNumber", "owner"} & set(bed)


def test_what_fhir_does_not_allow_is_named_and_nothing_is_written(filled: Register, tmp_path: Path) -> None:
    (tmp_path / "all.json").write_text("before")
    found = told(filled)
    found["Device"][3]["deviceName"] = [{"name": "Profiling bed"}]
    with pytest.raises(Invalid, match=r"Device BED-4: Device\.deviceName.0.type"):
        write_bundle(tmp_path / "all.json", found.items())
    assert {each.name: each.read_text() for each in tmp_path.glob("all*")} == {"all.json": "before"}
