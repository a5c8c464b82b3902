"""The inbox in a SQLite file, for one machine."""
