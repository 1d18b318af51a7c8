"""The types that a column of the data contract can have."""

from typing import Literal

Type = Literal["integer", "number", "boolean", "category", "text", "date"]
