"""The journal survives whatever power does, and gives no number twice."""

import json

import pytest

SETUP = """
from nor import Nor, PowerCut
from tag.journal import Journal

def journal(flash):
    return Journal(flash, lambda: 1)

def held(book):
    return {seq: json.loads(bytes(text)) for seq, clock, text in book.read(0)}

def fill(flash, records):
    # Append until done or until power is cut. What was durable by then.
    durable = {}
    try:
        book = journal(flash)
        for i in range(records):
            seq = book.append(1, "use", 1000 + i, i, 0, 0)
            durable[seq] = ["use", seq, 1000 + i, i, 0, 0]
    except PowerCut:
        flash.power_on()
    return durable
"""


def test_what_was_appended_is_read_back_in_order(on_tag):
    assert on_tag(
        SETUP
        + """
flash = Nor(4, 512)
book = journal(flash)
for i in range(3):
    book.append(7, "use", i, 60, 0, 0)
again = journal(flash)
found = [[seq, clock, json.loads(bytes(text))] for seq, clock, text in again.read(1)]
print(json.dumps(found + [again.oldest, again.newest]))
"""
    ) == [[2, 7, ["use", 2, 1, 60, 0, 0]], [3, 7, ["use", 3, 2, 60, 0, 0]], 1, 3]


def test_a_new_journal_holds_nothing_and_says_so(on_tag):
    assert on_tag(SETUP + "book = journal(Nor(4, 512))\nprint(json.dumps([book.oldest, book.newest, held(book)]))") == [
        1,
        0,
        {},
    ]


def test_when_full_the_oldest_go_and_numbers_go_on(on_tag):
    oldest, newest, seqs, erases = on_tag(
        SETUP
        + """
flash = Nor(4, 512)
fill(flash, 100)
book = journal(flash)
print(json.dumps([book.oldest, book.newest, sorted(held(book)), flash.erases]))
"""
    )
    assert newest == 100
    assert seqs == list(range(oldest, 101))
    assert len(seqs) > 20, "three of four sectors are always full"
    assert erases < 20


def test_reading_from_a_number_gives_what_is_above_it(on_tag):
    assert on_tag(
        SETUP
        + """
flash = Nor(4, 512)
fill(flash, 40)
book = journal(flash)
print(json.dumps([[seq for seq, _, _ in book.read(after)] for after in (37, 40, 99)]))
"""
    ) == [[38, 39, 40], [], []]


def test_a_power_cut_at_any_operation_loses_nothing_that_was_durable_and_reuses_no_number(on_tag):
    cuts = on_tag(
        SETUP
        + """
whole = Nor(3, 256)
fill(whole, 36)
cuts = 0
for quarters in range(5):
    for cut_at in range(1, whole.operations + 1):
        where = "cut at operation %d, %d/4 done" % (cut_at, quarters)
        flash = Nor(3, 256, cut_at, quarters)
        durable = fill(flash, 36)
        assert len(durable) < 36, where
        cuts += 1
        book = journal(flash)
        found = held(book)
        for seq in durable:
            assert seq < book.oldest or found[seq] == durable[seq], where
        # Three sectors of five records: two are always whole.
        assert len(found) >= min(len(durable), 10), where
        assert book.newest == max(found, default=0) >= max(durable, default=0), where

        later = fill(flash, 12)
        assert not [seq for seq in later if seq in durable or seq in found], where
        again = held(journal(flash))
        assert len(again) >= 10 and max(again) == max(later), where
        assert not [seq for seq in later if seq >= min(again) and again[seq] != later[seq]], where
print(json.dumps(cuts))
"""
    )
    assert cuts > 200


def test_the_number_of_a_torn_record_is_not_given_again(on_tag):
    assert on_tag(
        SETUP
        + """
flash = Nor(3, 256, 5, 2)  # erase, header and two records come before
durable = fill(flash, 9)
book = journal(flash)
print(json.dumps([sorted(durable), book.newest, book.append(1, "use", 0, 0, 0, 0)]))
"""
    ) == [[1, 2], 2, 4]


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_however_many_records_are_torn_in_a_row_none_of_their_numbers_is_given_again(on_tag, quarters):
    tears, begun, again = on_tag(
        SETUP
        + """
class Watched(Nor):
    # Knows of which records anything was programmed.
    def writeblocks(self, block, buffer, offset):
        try:
            super().writeblocks(block, buffer, offset)
        finally:
            length, seq = struct.unpack_from("<HI", buffer)
            if offset and length and self.cells[block * self._size + offset] != 0xFF:
                begun.append(seq)

import random, struct
random.seed(given)
again, tears = [], 0
for most in range(1, 6):
    flash, begun = Watched(3, 256), []
    book = journal(flash)
    for _ in range(120):
        flash._cut_at, flash._quarters = flash.operations + random.randint(1, most), given
        try:
            for i in range(9):
                book.append(1, "use", i, 0, 0, 0)
        except PowerCut:
            tears += 1
            if random.randint(0, 2):  # else it goes on, as after a write that only failed
                book = journal(flash)
    again += [[most, seq] for seq in set(begun) if begun.count(seq) > 1]
print(json.dumps([tears, len(begun), again]))
""",
        quarters,
    )
    assert tears == 5 * 120
    assert begun > 100
    assert again == []


@pytest.mark.parametrize("more", [0, 1, 9])
def test_the_newest_is_a_record_that_is_held_also_where_sectors_begin_with_torn_ones(on_tag, more):
    newest, seqs, oldest, following = on_tag(
        SETUP
        + """
def tear(operation):
    book = journal(flash)
    flash._cut_at, flash._quarters = flash.operations + operation, 2
    try:
        book.append(1, "use", 1000, 0, 0, 0)
    except PowerCut:
        pass

flash = Nor(4, 256)
fill(flash, 5)
tear(1)  # number 6, at the end of a sector
tear(3)  # number 7; the next sector was erased and has its header
for _ in range(given):
    tear(2)
book = journal(flash)
print(json.dumps([book.newest, sorted(held(book)), book.oldest, book.append(1, "use", 0, 0, 0, 0)]))
""",
        more,
    )
    assert seqs == [1, 2, 3, 4, 5]
    assert (oldest, newest) == (1, 5)
    assert following >= 8 + more // 2


def test_what_is_torn_costs_no_record_that_is_whole(on_tag):
    assert on_tag(
        SETUP
        + """
flash = Nor(3, 512)
for tear in range(4):
    book = journal(flash)
    flash._cut_at, flash._quarters = flash.operations + 2 + bool(tear), 2  # the second record
    try:
        book.append(1, "use", tear, 0, 0, 0)
        book.append(1, "use", tear, 0, 0, 0)
    except PowerCut:
        pass
book = journal(flash)
print(json.dumps([sorted(held(book)), book.oldest, book.newest]))
"""
    ) == [[1, 3, 5, 7], 1, 7]


def test_a_damaged_record_is_left_out_and_the_others_stay(on_tag):
    assert on_tag(
        SETUP
        + """
flash = Nor(4, 512)
fill(flash, 5)
flash.cells[flash.cells.find(b'"use",3,') + 8] &= 0x30
book = journal(flash)
print(json.dumps([sorted(held(book)), book.newest, book.append(1, "use", 0, 0, 0, 0)]))
"""
    ) == [[1, 2, 4, 5], 5, 6]


def test_a_flash_full_of_something_else_is_formatted_with_a_new_generation(on_tag):
    name, generation_asked, seqs = on_tag(
        """
from nor import Nor
from tag.journal import Journal
flash = Nor(4, 512)
flash.cells[:] = bytes(range(256)) * 8
asked = []
book = Journal(flash, lambda: asked.append(1) or 7)
book.append(1, "use", 0, 0, 0, 0)
again = Journal(flash, lambda: 99)
assert again.id == book.id
print(json.dumps([again.id, len(asked), [seq for seq, _, _ in again.read(0)]]))
"""
    )
    assert name.endswith("-7")
    assert (generation_asked, seqs) == (1, [1])


def test_records_are_kept_as_the_json_that_is_reported(on_tag):
    text = on_tag(
        SETUP
        + """
book = journal(Nor(4, 512))
book.append(1, "fix", 5, "boot", 1, [["0a0b0c0d0e0f", -60]])
print(json.dumps([bytes(text).decode() for _, _, text in book.read(0)]))
"""
    )
    assert text == ['["fix",1,5,"boot",1,[["0a0b0c0d0e0f",-60]]]']
    assert json.loads(text[0])[0] == "fix"
