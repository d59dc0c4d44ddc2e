"""The staff pages and the API."""

from kitback.web.app import create_app
from kitback.web.styles import StylesMissing

__all__ = ["StylesMissing", "create_app"]
