"""Explain to the analyst why a request was refused."""
