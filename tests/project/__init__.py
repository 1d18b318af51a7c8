"""The project's own tests: `unit/` needs no data; `model/` looks at the trained model."""
