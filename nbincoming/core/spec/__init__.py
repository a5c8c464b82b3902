"""The published file: its model, examples, differences and JSON Schema."""
