"""Objects of GitHub's schemas: required fields are made up, those that a test gives are kept."""

from typing import Any

FORMATS = {"date-time": "2026-01-02T03:04:05Z", "uri": "https://example.org/", "date": "2026-01-02"}


class Shapes:
    """The schemas of an OpenAPI description, to make objects from."""

    def __init__(self, description: dict[str, Any]) -> None:
        self.description = description

    def response(self, path: str, method: str, status: int, data: Any) -> Any:
        """The operation's response with this status, with `data` in it."""
        response = self._resolve(self.description["paths"][path][method.lower()]["responses"][str(status)])
        return self.fill(response["content"]["application/json"]["schema"], data)

    def fill(self, schema: dict[str, Any], data: Any = None) -> Any:
        """`data` completed with what the schema requires; made up where it is None."""
        schema = self._resolve(schema)
        if data is None and self._nullable(schema):
            return None
        for union in ("oneOf", "anyOf"):
            if union in schema and "properties" not in schema:
                choices = [self._resolve(choice) for choice in schema[union]]
                fitting = [choice for choice in choices if self._fits(choice, data)] or choices
                return self.fill(fitting[0], data)
        if "allOf" in schema:
            whole: dict[str, Any] = {}
            for part in map(self._resolve, schema["allOf"]):
                filled, own = self.fill(part, data), part.get("properties", {})
                whole |= {key: value for key, value in filled.items() if key in own or key not in whole}
            return whole
        if isinstance(data, dict) or "properties" in schema or self._type(schema) == "object":
            return self._object(schema, data or {})
        if isinstance(data, list):
            return [self.fill(schema.get("items", {}), item) for item in data]
        return data if data is not None else self._made_up(schema)

    def _object(self, schema: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        properties = schema.get("properties", {})
        names = dict.fromkeys([*schema.get("required", []), *data])
        return {name: self._value(properties.get(name), data, name) for name in names}

    def _value(self, schema: dict[str, Any] | None, data: dict[str, Any], name: str) -> Any:
        if name in data and (data[name] is None or schema is None):
            return data[name]
        return self.fill(schema or {}, data.get(name))

    def _made_up(self, schema: dict[str, Any]) -> Any:
        if "enum" in schema:
            return schema["enum"][0]
        if schema.get("format") in FORMATS:
            return FORMATS[schema["format"]]
        makers = {"string": "x", "integer": 1, "number": 1, "boolean": False, "array": []}
        return makers.get(self._type(schema))

    def _fits(self, schema: dict[str, Any], data: Any) -> bool:
        kind = self._type(schema)
        if isinstance(data, dict):
            return kind == "object" or "properties" in schema
        kinds = {list: "array", str: "string", int: "integer", bool: "boolean"}
        return self._nullable(schema) if data is None else kind == kinds.get(type(data))

    def _nullable(self, schema: dict[str, Any]) -> bool:
        kinds = schema.get("type")
        return bool(schema.get("nullable")) or kinds == "null" or (isinstance(kinds, list) and "null" in kinds)

    def _type(self, schema: dict[str, Any]) -> Any:
        kinds = schema.get("type")
        return next((kind for kind in kinds if kind != "null"), None) if isinstance(kinds, list) else kinds

    def _resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in schema:
            target: Any = self.description
            for part in schema["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            schema = target
        return schema
