"""What all addresses share: the register, the time, the policy, and how a page is made."""

from typing import NamedTuple

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment

from kitback.clock import Clock, now_s
from kitback.policy import Policy
from kitback.register import Register


class Site(NamedTuple):
    """One register, shown."""

    register: Register
    clock: Clock
    policy: Policy
    templates: Environment

    def now_s(self) -> int:
        """The Unix second that it is."""
        return now_s(self.clock)

    def page(self, request: Request, name: str, status: int = 200, **values: object) -> HTMLResponse:
        """A page, from the template of that name."""
        nonce, here = request.state.nonce, request.url.path
        return HTMLResponse(self.templates.get_template(name).render(cspNonce=nonce, here=here, **values), status)
