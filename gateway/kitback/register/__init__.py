"""The loan register: what the service owns, what the tags said, and what is on its way out."""

from kitback.register.failures import RegisterError
from kitback.register.steps import IllegalMove
from kitback.register.store import Register

__all__ = ["IllegalMove", "Register", "RegisterError"]
