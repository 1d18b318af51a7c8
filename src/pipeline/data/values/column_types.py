"""The types of a column in the data contract."""

from typing import Literal

Type = Literal["integer", "number", "boolean", "category", "text", "date"]
