"""What goes wrong in an exchange and is nobody's bug."""


class ExchangeError(Exception):
    """It cannot be written or taken in; the message says what, where, and what to do. Nothing is half done."""
