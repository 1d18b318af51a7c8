"""GitHub's own description of its API, against which requests and responses are checked."""

import functools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jsonschema.exceptions import best_match  # type: ignore[import-untyped]
from openapi_core import OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse

from tests.pipeline.github.shapes import Shapes

DESCRIPTION = Path(__file__).with_name("openapi.json")
HOST = "https://api.github.com"

# CML 0.20.6 asks for the user with an empty name: GitHub answers 404, and CML goes on.
CML_REQUEST = ("GET", "/users/")


@dataclass(frozen=True)
class Template:
    """A path of the description with the values of its parameters, which may hold slashes."""

    path: str
    values: dict[str, str]

    @property
    def filled(self) -> str:
        return re.sub(r"\{(\w+)\}", lambda name: quote(self.values[name[1]], safe=""), self.path)


class Contract:
    def __init__(self, description: dict[str, Any]) -> None:
        self.description = description
        self.openapi = OpenAPI.from_dict(description)
        self.shapes = Shapes(description)
        paths = sorted(description["paths"], key=lambda path: path.count("{"))  # the most literal one first
        self.patterns = {path: re.compile(_pattern(path)) for path in paths}

    @classmethod
    @functools.cache
    def read(cls) -> "Contract":
        """Read once per process: it takes two seconds."""
        description = json.loads(DESCRIPTION.read_text())
        schemas = description["components"]["schemas"]
        # GitHub answers null where the fork was deleted; its description does not say so.
        repository = schemas["minimal-repository"] | {"nullable": True}
        schemas["workflow-run"]["properties"]["head_repository"] = repository
        _allow_null(schemas)
        return cls(description)

    def template(self, method: str, path: str) -> Template | None:
        for template_path, pattern in self.patterns.items():
            match = pattern.fullmatch(path)
            if match and method.lower() in self.description["paths"][template_path]:
                return Template(template_path, match.groupdict())
        return None

    def check_request(
        self,
        method: str,
        path: str,
        query: dict[str, str],
        content: bytes,
        template: Template | None,
        violations: list[str],
    ) -> None:
        if template is None:
            if (method, path) != CML_REQUEST:
                violations.append(f"{method} {path}: is not in openapi.json")
            return
        try:
            self.openapi.validate_request(self._request(method, template, query, content))
        except OpenAPIError as problem:
            violations.append(f"{method} {path}: request: {_explain(problem)}")

    def complete(
        self,
        method: str,
        template: Template | None,
        status: int,
        data: Any,
        headers: dict[str, str],
        violations: list[str],
    ) -> Any:
        """The response completed to what GitHub would send, checked."""
        if template is None or str(status) not in self.description["paths"][template.path][method.lower()]["responses"]:
            return data
        complete = None if data is None else self.shapes.response(template.path, method, status, data)
        content = b"" if complete is None else json.dumps(complete).encode()
        try:
            self.openapi.validate_response(
                self._request(method, template, {}, b"{}"),
                MockResponse(content, status, dict(headers), "application/json"),
            )
        except OpenAPIError as problem:
            violations.append(f"{method} {template.filled}: response {status}: {_explain(problem)}")
        return complete

    def _request(self, method: str, template: Template, query: dict[str, str], content: bytes) -> MockRequest:
        return MockRequest(
            HOST,
            method.lower(),
            template.filled,
            path_pattern=template.path,
            args=dict(query),
            view_args=dict(template.values),
            data=content or None,
        )


def _allow_null(schema: Any) -> None:
    """Add null to the values of nullable properties: the description omits it where it lists values."""
    if isinstance(schema, dict) and schema.get("nullable") is True and None not in schema.get("enum", [None]):
        schema["enum"].append(None)
    for part in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else []:
        _allow_null(part)


def _pattern(path: str) -> str:
    wide = {"ref", "basehead"}  # may hold slashes
    return re.sub(r"\{(\w+)\}", lambda name: f"(?P<{name[1]}>{'.+' if name[1] in wide else '[^/]+'})", path)


def _explain(problem: BaseException) -> str:
    best = best_match(getattr(problem.__cause__, "schema_errors", []))
    location = "/".join(str(part) for part in best.absolute_path) if best else ""
    return f"{type(problem).__name__}: {location}: {(best or problem.__cause__ or problem)!s:.500}"
