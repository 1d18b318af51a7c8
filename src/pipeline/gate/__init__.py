"""The gate: is the candidate good enough to replace the champion? Rules in, a verdict as data out."""
