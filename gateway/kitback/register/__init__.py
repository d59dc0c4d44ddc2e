"""The loan register: what the service owns, what the tags said, and what is on its way out."""

from kitback.register.store import Register, RegisterError

__all__ = ["Register", "RegisterError"]
