"""The mistakes for which a request was refused, reported to the analyst."""
