"""Writes a spec in formats that other tools read. It only returns text."""
