"""The provider fails tomorrow: a register is carried away whole, read without Kitback, and taken in elsewhere."""

import base64
import hashlib
import json
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from kitback.exchange import open_format
from kitback.exchange.export_all import export_all
from kitback.exchange.failures import ExchangeError
from kitback.exchange.import_all import opened
from kitback.register import Register, holds, outbox, places, recalls, tables
from lending import DAY, HOUR, NOW, Service


def nobody(_rows: int) -> None:
    pass


def export(register: Register, target: Path, *, secrets: bool = True) -> dict[str, bytes]:
    """Returns the content of every file."""
    export_all(register, target, secrets=secrets, told=nobody)
    if target.is_dir():
        return {str(each.relative_to(target)): each.read_bytes() for each in target.rglob("*") if each.is_file()}
    return {target.name: target.read_bytes()}


def import_(source: Path, where: str) -> Register:
    with opened(source) as found:
        register = Register.open(where)
        found.into(register, nobody)
    return register


@pytest.fixture
def lived_in(where: str) -> Iterator[Register]:
    """A register with a row or more in most of its tables, and everything that is hard to write down."""
    service = Service.open(where)
    service.lend("BED-0388", used_at=NOW - 18 * DAY - HOUR)
    service.lend("MAT-0983", "mattress", unpowered_from=NOW - 2 * HOUR)
    service.prescribe("BED-0001", "home_first", NOW - HOUR)
    service.judge()
    with service.register.write() as conn:
        places.add_place(conn, "z-region", None, "service", "Ünïcode \u2028 'quoted', \"both\"\n=1+1", NOW)
        places.add_place(conn, "a-part", "z-region", "store", "Comes before what it is part of", NOW, who="ann")
        places.add_place(conn, "Zoë", "z-region", "store", "Capitals, then small letters, then accents", NOW)
        holds.begin(conn, service.policy, "L-BED-0388", NOW, reason="away, \U0001f3e0", until=NOW + DAY, who="ann")
        recalls.recall_asset(conn, "MDA/2025/7", "MAT-0983", "brakes", NOW)
        conn.execute(
            sa.insert(tables.quarantine),
            {
                **{"first_at": NOW, "last_at": NOW, "times": 2, "tag_id": "", "journal": "", "seq": 0},
                **{"digest": "ab", "reason": "broken", "detail": "x", "payload": bytes(range(256)), "counter": 2**62},
            },
        )
        conn.execute(
            sa.insert(tables.waiting),
            {"tag_id": "aa", "journal": "j", "seq": 7, "clock": 1, "at": 9, "record": b'{"seq":7}'},
        )
        conn.execute(sa.insert(tables.use_day), {"asset_id": "BED-0388", "day": 20_000, **_USE})
        outbox.append(conn, [b"use,asset=BED-0388 in_use=1i 1"], NOW)
        outbox.append(conn, ["place,name=Ünï in_use=2i 2".encode()], NOW)
    yield service.register
    service.register.close()


_USE = {"in_use": 3600, "events": 2, "seen": 86_400, "used_at": None}


@pytest.mark.both_engines
def test_export_import_export_gives_the_same_bytes_on_either_database_and_across(
    lived_in: Register, elsewhere: str, tmp_path: Path
) -> None:
    first = export(lived_in, tmp_path / "first")
    register = import_(tmp_path / "first", elsewhere)
    assert export(register, tmp_path / "again") == first
    register.close()


def test_a_zip_file_has_the_same_bytes_too(lived_in: Register, tmp_path: Path) -> None:
    (first,) = export(lived_in, tmp_path / "first.zip").values()
    register = import_(tmp_path / "first.zip", str(tmp_path / "elsewhere.db"))
    (again,) = export(register, tmp_path / "again.zip").values()
    assert again == first
    folder = export(lived_in, tmp_path / "folder")
    with zipfile.ZipFile(tmp_path / "first.zip") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == folder
    register.close()


def test_every_table_is_exported_or_named_with_the_reason_why_not() -> None:
    exported = {table.name for table in open_format.tables()}
    assert exported.isdisjoint(open_format.LEFT_OUT)
    assert exported | set(open_format.LEFT_OUT) == set(tables.metadata.tables)
    assert all(open_format.LEFT_OUT.values())


def test_it_can_be_read_without_kitback(lived_in: Register, tmp_path: Path) -> None:
    files = export(lived_in, tmp_path / "export")
    package = json.loads(files["datapackage.json"])
    kinds = {"string": str, "integer": int, "number": float, "boolean": bool}
    for resource in package["resources"]:
        content = files[resource["path"]]
        assert resource["hash"] == "sha256:" + hashlib.sha256(content).hexdigest()
        assert resource["bytes"] == len(content)
        rows = [json.loads(line) for line in content.splitlines() if line]
        assert len(rows) == resource["rows"]
        for row in rows:
            assert list(row) == [field["name"] for field in resource["schema"]["fields"]]
            for field in resource["schema"]["fields"]:
                value = row[field["name"]]
                if value is None:
                    assert "constraints" not in field
                else:
                    assert type(value) is kinds[field["type"]]
                if field.get("format") == "binary" and value:
                    base64.b64decode(value, validate=True)


def test_the_descriptor_says_what_columns_mean_and_how_tables_hang_together(lived_in: Register, tmp_path: Path) -> None:
    package = json.loads(export(lived_in, tmp_path / "export")["datapackage.json"])
    by_name: dict[str, Any] = {each["name"]: each["schema"] for each in package["resources"]}
    fields = {each["name"]: each for each in by_name["loan"]["fields"]}
    assert fields["to_s"] == {"name": "to_s", "type": "integer", "description": "Null while on loan"}
    assert by_name["loan"]["primaryKey"] == ["loan_ref"]
    assert {
        "fields": ["asset_id"],
        "reference": {"resource": "asset", "fields": ["asset_id"]},
    } in by_name["loan"]["foreignKeys"]
    assert by_name["place"]["foreignKeys"][0]["reference"]["resource"] == "", "the table itself"


def test_the_register_keeps_its_identity(lived_in: Register, elsewhere: str, tmp_path: Path) -> None:
    export(lived_in, tmp_path / "export")
    import_(tmp_path / "export", elsewhere).close()
    register = Register.open(elsewhere)
    assert register.epoch == lived_in.epoch
    register.close()


def test_rows_to_come_are_counted_on(lived_in: Register, elsewhere: str, tmp_path: Path) -> None:
    export(lived_in, tmp_path / "export")
    register = import_(tmp_path / "export", elsewhere)
    counted = [each for each in open_format.tables() if each.autoincrement_column is not None]
    assert {each.name for each in counted} >= {"audit", "flag", "outbox", "hold"}
    with register.write() as conn:
        last = conn.scalar(sa.select(sa.func.max(tables.audit.c.audit_id)))
        places.add_place(conn, "new", None, "store", "New", NOW)
        assert conn.scalar(sa.select(sa.func.max(tables.audit.c.audit_id))) == last + 1
        kept = conn.scalar(sa.select(sa.func.max(tables.outbox.c.outbox_id)))
        outbox.append(conn, [b"x y=1 1"], NOW)
        assert conn.scalar(sa.select(sa.func.max(tables.outbox.c.outbox_id))) == kept + 1
    register.close()


@pytest.mark.both_engines
def test_it_is_the_register_at_one_moment(lived_in: Register, where: str, tmp_path: Path) -> None:
    other = Register.open(where)

    def somebody_writes(_rows: int) -> None:
        if not wrote:
            wrote.append(True)
            with other.write() as conn:
                places.add_place(conn, "meanwhile", None, "store", "Meanwhile", NOW)

    wrote: list[bool] = []
    export_all(lived_in, tmp_path / "export", secrets=False, told=somebody_writes)
    assert wrote
    assert not any("meanwhile" in each.read_text() for each in (tmp_path / "export").glob("*.jsonl"))
    other.close()


# --- secrets


def test_without_being_asked_no_secret_goes_along(lived_in: Register, tmp_path: Path) -> None:
    secret = b"0123456789abcdef"
    files = export(lived_in, tmp_path / "export", secrets=False)
    assert not any(secret in each or base64.b64encode(secret) in each for each in files.values())
    assert base64.b64encode(secret) in export(lived_in, tmp_path / "with")["tag.jsonl"]


def test_without_its_secret_a_tag_gets_one_that_nobody_knows_and_the_export_stays_the_same(
    lived_in: Register, tmp_path: Path
) -> None:
    first = export(lived_in, tmp_path / "export", secrets=False)
    register = import_(tmp_path / "export", str(tmp_path / "elsewhere.db"))
    with register.read() as conn:
        given = conn.scalars(sa.select(tables.tag.c.secret)).all()
    assert len(set(given)) == len(given) > 1
    assert all(len(each) == 32 for each in given)
    assert export(register, tmp_path / "again", secrets=False) == first
    register.close()


# --- history


def waiting_lines(register: Register) -> tuple[int, int, int]:
    """Lines in the outbox, those that the accounts say are there, and what a new InfluxDB would wait for."""
    with register.write() as conn:
        outbox.add_sink(conn, "http://new")
        there = conn.scalar(sa.select(sa.func.sum(tables.outbox.c.count))) or 0
        size = conn.scalar(sa.select(sa.func.sum(sa.func.length(tables.outbox.c.lines)))) or 0
        assert outbox.room(conn).kept == size
        (new,) = (each for each in outbox.standings(conn) if each.name == "http://new")
    return there, new.enqueued - new.missed, new.pending


def test_history_that_no_influxdb_had_goes_along(lived_in: Register, tmp_path: Path) -> None:
    with lived_in.read() as conn:
        made = outbox.enqueued(conn)
    export(lived_in, tmp_path / "export")
    register = import_(tmp_path / "export", str(tmp_path / "elsewhere.db"))
    assert waiting_lines(register) == (made, made, made)
    register.close()


def test_history_that_influxdb_has_stays_behind_and_the_accounts_say_so(
    lived_in: Register, elsewhere: str, tmp_path: Path
) -> None:
    with lived_in.write() as conn:
        outbox.add_sink(conn, "http://old")
        *rows, last = outbox.pending(conn, "http://old", 1000, 1 << 20)
        outbox.advance(conn, "http://old", rows, sum(row.count for row in rows), 0)
    first = export(lived_in, tmp_path / "export")
    register = import_(tmp_path / "export", elsewhere)
    assert export(register, tmp_path / "again") == first
    assert waiting_lines(register) == (last.count,) * 3
    register.close()


# --- what is refused


def refused(source: Path, tmp_path: Path) -> str:
    with pytest.raises(ExchangeError) as refusal:
        import_(source, str(tmp_path / "refused.db")).close()
    return str(refusal.value)


@pytest.fixture
def exported(lived_in: Register, tmp_path: Path) -> Path:
    export(lived_in, tmp_path / "export")
    return tmp_path / "export"


def change(file: Path, old: bytes, new: bytes) -> None:
    content = file.read_bytes()
    assert content.count(old) >= 1
    file.write_bytes(content.replace(old, new, 1))


def test_a_changed_line_is_named(exported: Path, tmp_path: Path) -> None:
    change(exported / "loan.jsonl", b'"L-BED-0388"', b'"L-BED-0389"')
    assert "loan.jsonl, line 2, was changed" in refused(exported, tmp_path)


def test_a_line_cut_off_is_named(exported: Path, tmp_path: Path) -> None:
    file = exported / "loan.jsonl"
    file.write_bytes(file.read_bytes()[:-10])
    assert "loan.jsonl is cut off in line 3 of 3" in refused(exported, tmp_path)


def test_a_file_cut_off_between_lines_is_named(exported: Path, tmp_path: Path) -> None:
    file = exported / "loan.jsonl"
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:-1]))
    assert "loan.jsonl is cut off after line 2 of 3" in refused(exported, tmp_path)


def test_a_line_too_many_is_named(exported: Path, tmp_path: Path) -> None:
    with (exported / "loan.jsonl").open("ab") as file:
        file.write(b"{}\n")
    assert "loan.jsonl goes on after line 3" in refused(exported, tmp_path)


def test_without_the_checks_of_its_lines_a_changed_file_is_still_named(exported: Path, tmp_path: Path) -> None:
    change(exported / "loan.jsonl", b'"L-BED-0388"', b'"L-BED-0389"')
    (exported / "checks" / "loan.txt").unlink()
    assert "loan.jsonl was changed" in refused(exported, tmp_path)


@pytest.mark.parametrize("name", ["loan.jsonl", "datapackage.json"])
def test_a_file_that_is_not_there_is_named(exported: Path, tmp_path: Path, name: str) -> None:
    (exported / name).unlink()
    assert f"lacks {name}" in refused(exported, tmp_path)


@pytest.mark.parametrize(("revision", "words"), [("9999", "a newer Kitback"), ("0001", "an older Kitback")])
def test_an_export_of_another_schema_is_refused(exported: Path, tmp_path: Path, revision: str, words: str) -> None:
    package = json.loads((exported / "datapackage.json").read_text())
    package["kitback"]["revision"] = revision
    (exported / "datapackage.json").write_text(json.dumps(package))
    told = refused(exported, tmp_path)
    assert words in told
    assert f"schema {revision}" in told


def test_a_descriptor_with_another_column_is_refused(exported: Path, tmp_path: Path) -> None:
    change(exported / "datapackage.json", b'"name": "loan_ref"', b'"name": "loan_no"')
    assert "are not those of schema" in refused(exported, tmp_path)


def test_a_descriptor_that_is_no_json_is_refused(exported: Path, tmp_path: Path) -> None:
    (exported / "datapackage.json").write_text("{")
    assert "datapackage.json is not as Kitback writes it" in refused(exported, tmp_path)


def forge(exported: Path, table: str, old: bytes, new: bytes) -> None:
    """Change a file and its hash, as who makes an export of their own."""
    file = exported / f"{table}.jsonl"
    was = hashlib.sha256(file.read_bytes()).hexdigest().encode()
    change(file, old, new)
    change(exported / "datapackage.json", was, hashlib.sha256(file.read_bytes()).hexdigest().encode())


def test_a_value_of_another_type_is_named_with_its_line(exported: Path, tmp_path: Path) -> None:
    forge(exported, "loan", b'"due_own":false', b'"due_own":"no"')
    told = refused(exported, tmp_path)
    assert "loan.jsonl, line 1: Expected `bool`, got `str` - at `$.due_own`" in told


def test_a_row_that_names_what_is_not_there_is_refused(exported: Path, elsewhere: str) -> None:
    forge(exported, "hold", b'"loan_ref":"L-BED-0388"', b'"loan_ref":"nobodys"')
    with pytest.raises(ExchangeError, match=r"hold\.jsonl"):
        import_(exported, elsewhere)
    assert is_empty(elsewhere)


def test_no_file_is_opened_but_those_of_an_export(exported: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.txt").write_bytes(b"00000000\n")
    change(exported / "datapackage.json", b'"checks/loan.txt"', b'"../elsewhere.txt"')
    change(exported / "loan.jsonl", b'"L-BED-0388"', b'"L-BED-0389"')
    assert "are not those of schema" in refused(exported, tmp_path)


def test_a_file_that_unpacks_to_more_than_it_was_is_not_read_to_its_end(lived_in: Register, tmp_path: Path) -> None:
    export(lived_in, tmp_path / "export.zip")
    with zipfile.ZipFile(tmp_path / "export.zip") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content + bytes((name == "loan.jsonl") * (64 << 20)))
    tracemalloc.start()
    told = refused(tmp_path / "bomb.zip", tmp_path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "loan.jsonl goes on after line 3" in told
    assert most < 32 << 20


def test_a_zip_file_with_a_password_is_refused(lived_in: Register, tmp_path: Path) -> None:
    export(lived_in, tmp_path / "export.zip")
    content = bytearray((tmp_path / "export.zip").read_bytes())
    at = content.rindex(b"PK\1\2")  # the descriptor's entry in the list of contents
    content[at + 8] |= 1
    content[content.rindex(b"PK\3\4", 0, at) + 6] |= 1
    (tmp_path / "export.zip").write_bytes(content)
    assert "unpack it into a folder" in refused(tmp_path / "export.zip", tmp_path)


def test_a_zip_file_cut_off_is_refused(lived_in: Register, tmp_path: Path) -> None:
    export(lived_in, tmp_path / "export.zip")
    whole = (tmp_path / "export.zip").read_bytes()
    (tmp_path / "export.zip").write_bytes(whole[: len(whole) // 2])
    assert "no whole ZIP file" in refused(tmp_path / "export.zip", tmp_path)


def test_a_zip_file_with_a_changed_byte_is_refused(lived_in: Register, tmp_path: Path) -> None:
    export(lived_in, tmp_path / "export.zip")
    content = bytearray((tmp_path / "export.zip").read_bytes())
    content[100] ^= 1
    (tmp_path / "export.zip").write_bytes(content)
    assert "get the export again" in refused(tmp_path / "export.zip", tmp_path)


def test_a_register_that_is_not_empty_is_left_as_it_is(exported: Path, elsewhere: str) -> None:
    register = Register.open(elsewhere)
    with register.write() as conn:
        places.add_place(conn, "mine", None, "store", "Mine", NOW)
    epoch = register.epoch
    register.close()
    with pytest.raises(ExchangeError, match="not empty: it has rows of audit"):
        import_(exported, elsewhere)
    register = Register.open(elsewhere)
    with register.read() as conn:
        assert conn.scalars(sa.select(tables.place.c.place_id)).all() == ["mine"]
    assert register.epoch == epoch
    register.close()


def is_empty(where: str) -> bool:
    register = Register.open(where)
    with register.read() as conn:
        held = {each.name: conn.scalar(sa.select(sa.func.count()).select_from(each)) for each in open_format.tables()}
    register.close()
    return {name for name, rows in held.items() if rows} == {"meta"}
