"""What samples show about a spec: advice, coverage, comparison, redaction, replay."""
