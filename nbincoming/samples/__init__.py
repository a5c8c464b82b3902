"""Captured requests: raw, flattened, profiled, drawn, imported."""
