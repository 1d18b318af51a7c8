"""Simulated traffic: held-out rows, plain or shifted, sent to a running service. For demonstrations."""
