"""Objects of GitHub's shape: what a schema requires is made up, what a test says is put in."""

from typing import Any

FORMATS = {"date-time": "2026-01-02T03:04:05Z", "uri": "https://example.org/", "date": "2026-01-02"}


class Shapes:
    """The schemas of an OpenAPI description, as makers of objects."""

    def __init__(self, description: dict[str, Any]) -> None:
        self.description = description

    def answer(self, path: str, method: str, status: int, said: Any) -> Any:
        """What the operation answers with this status, with `said` in it."""
        answer = self._resolve(self.description["paths"][path][method.lower()]["responses"][str(status)])
        return self.fill(answer["content"]["application/json"]["schema"], said)

    def fill(self, schema: dict[str, Any], said: Any = None) -> Any:
        """`said` completed with what the schema requires; made up where nothing is said."""
        schema = self._resolve(schema)
        if said is None and self._nullable(schema):
            return None
        for union in ("oneOf", "anyOf"):
            if union in schema and "properties" not in schema:
                choices = [self._resolve(choice) for choice in schema[union]]
                wanted = [choice for choice in choices if self._fits(choice, said)] or choices
                return self.fill(wanted[0], said)
        if "allOf" in schema:
            whole: dict[str, Any] = {}
            for part in map(self._resolve, schema["allOf"]):
                filled, own = self.fill(part, said), part.get("properties", {})
                whole |= {key: value for key, value in filled.items() if key in own or key not in whole}
            return whole
        if isinstance(said, dict) or "properties" in schema or self._type(schema) == "object":
            return self._object(schema, said or {})
        if isinstance(said, list):
            return [self.fill(schema.get("items", {}), item) for item in said]
        return said if said is not None else self._made_up(schema)

    def _object(self, schema: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
        properties = schema.get("properties", {})
        names = dict.fromkeys([*schema.get("required", []), *said])
        return {name: self._value(properties.get(name), said, name) for name in names}

    def _value(self, schema: dict[str, Any] | None, said: dict[str, Any], name: str) -> Any:
        if name in said and (said[name] is None or schema is None):
            return said[name]
        return self.fill(schema or {}, said.get(name))

    def _made_up(self, schema: dict[str, Any]) -> Any:
        if "enum" in schema:
            return schema["enum"][0]
        if schema.get("format") in FORMATS:
            return FORMATS[schema["format"]]
        makers = {"string": "x", "integer": 1, "number": 1, "boolean": False, "array": []}
        return makers.get(self._type(schema))

    def _fits(self, schema: dict[str, Any], said: Any) -> bool:
        kind = self._type(schema)
        if isinstance(said, dict):
            return kind == "object" or "properties" in schema
        kinds = {list: "array", str: "string", int: "integer", bool: "boolean"}
        return self._nullable(schema) if said is None else kind == kinds.get(type(said))

    def _nullable(self, schema: dict[str, Any]) -> bool:
        kinds = schema.get("type")
        return bool(schema.get("nullable")) or kinds == "null" or (isinstance(kinds, list) and "null" in kinds)

    def _type(self, schema: dict[str, Any]) -> Any:
        kinds = schema.get("type")
        return next((kind for kind in kinds if kind != "null"), None) if isinstance(kinds, list) else kinds

    def _resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in schema:
            found: Any = self.description
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            schema = found
        return schema
