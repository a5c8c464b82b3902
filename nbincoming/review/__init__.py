"""Judges specs by samples: advice, comparison of versions, golden examples, redaction."""
