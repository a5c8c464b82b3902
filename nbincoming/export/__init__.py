"""Writes a spec in formats that other tools read. Text comes out; nothing else happens."""
