"""Labels for equipment: a code that scanners read, words for people, on sheets of label stock as PDF."""

from kitback.exchange.labels.chosen import Label, NoSuchEquipment, chosen
from kitback.exchange.labels.codes import Carrier
from kitback.exchange.labels.layout import NoLabel
from kitback.exchange.labels.pdf import pages, write
from kitback.exchange.labels.stock import SHEETS, Sheet, sheet

__all__ = ["SHEETS", "Carrier", "Label", "NoLabel", "NoSuchEquipment", "Sheet", "chosen", "pages", "sheet", "write"]
