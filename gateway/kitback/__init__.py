"""Kitback: where loaned equipment is, whether it is used, and which loans to fetch back."""
