"""The project's own tests: `unit/` needs no data; `model/` tests the trained model."""
