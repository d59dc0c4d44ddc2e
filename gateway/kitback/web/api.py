"""The application as a FastAPI that tells, in its OpenAPI document, what each address answers to programs."""

from typing import Any

import msgspec
from fastapi import FastAPI, Response

_NAMED = "#/components/schemas/{name}"


class Api(FastAPI):
    """Knows what the addresses of its JSON answer: msgspec's structs, which FastAPI itself does not."""

    def __init__(self, answers: dict[str, Any], **settings: Any) -> None:
        """Of each address in `answers` that a GET asks, the type that it answers."""
        super().__init__(**settings)
        self._answers = answers

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        if self.openapi_schema is None:
            document = super().openapi()
            schemas, named = msgspec.json.schema_components(self._answers.values(), ref_template=_NAMED)
            document.setdefault("components", {}).setdefault("schemas", {}).update(named)
            for path, schema in zip(self._answers, schemas, strict=True):
                answer = document["paths"][path]["get"]["responses"]["200"]
                answer["content"] = {"application/json": {"schema": schema}}
        return super().openapi()


def as_json(answer: object, status: int = 200) -> Response:
    """An answer to a program."""
    return Response(msgspec.json.encode(answer), status, media_type="application/json")
