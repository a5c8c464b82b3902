"""Delivery: events go from the inbox to sinks, at least once and in order."""
