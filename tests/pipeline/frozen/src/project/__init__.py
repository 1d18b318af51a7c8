"""The project's code, which has none yet."""
