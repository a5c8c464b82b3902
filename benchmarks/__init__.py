"""Measurements against named references; run by ``make bench``."""
