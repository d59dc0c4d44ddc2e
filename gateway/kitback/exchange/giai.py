"""The GS1 number of a piece of equipment: its Global Individual Asset Identifier (GIAI), application identifier 8004.

It is the service's GS1 company prefix and then the service's own number for it. Whether some digits are a GIAI cannot
be told by looking at them, so nothing is guessed: an id of the register that begins with the service's prefix is one
already, and any other is a number that the prefix makes one.
"""

import re
from typing import Final

from biip import ParseError
from biip.gs1_digital_link_uris import GS1DigitalLinkURI
from biip.gs1_messages import GS1Message

AI: Final = "8004"
LONGEST: Final = 30
"""Signs of a GIAI, prefix and all. GS1 General Specifications, AI 8004."""
SIGNS: Final = "letters, digits and !\"%&'()*+,-./:;<=>?_"
"""What a GIAI may hold: the 82 signs of the General Specifications' figure 7.11-1."""

_PREFIX: Final = re.compile(r"[0-9]{4,12}")


class NoGiai(Exception):
    """Equipment has no GIAI, or the prefix is none; the message names what, why, and what to do."""


def check_prefix(company_prefix: str) -> None:
    """Refuse what cannot be a GS1 company prefix.

    Raises:
        NoGiai: it is not 4 to 12 digits.
    """
    if not _PREFIX.fullmatch(company_prefix):
        raise NoGiai(f"{company_prefix!r} is no GS1 company prefix: give the 4 to 12 digits that GS1 gave your service")


def giai(asset_id: str, company_prefix: str) -> str:
    """The GIAI of a piece of equipment.

    Raises:
        NoGiai: the prefix is none, or prefix and number together are too long or hold what GS1 has no code for.
    """
    check_prefix(company_prefix)
    whole = asset_id if asset_id.startswith(company_prefix) else company_prefix + asset_id
    try:
        (element,) = GS1Message.parse(AI + whole).element_strings
    except (ParseError, ValueError):  # what is left over is no element, or is one more
        element = None
    if whole == company_prefix or element is None or element.value != whole:
        raise NoGiai(
            f"{asset_id} cannot be a GIAI: with the company prefix {company_prefix} it is {whole!r}, which GS1 allows "
            f"{LONGEST} signs at most, of {SIGNS}: print its number as it is (--code plain), or give it another number"
        )
    return whole


def readable(number: str) -> str:
    """A GIAI as GS1 has it printed for people."""
    return f"({AI}) {number}"


def digital_link(number: str) -> str:
    """A GIAI as an address: GS1's own domain, which belongs to no service and needs no set-up."""
    message = GS1Message.parse(AI + number)
    return GS1DigitalLinkURI.from_element_strings(message.element_strings).as_canonical_uri()
