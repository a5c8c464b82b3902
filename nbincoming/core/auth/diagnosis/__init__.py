"""What a refused sender did wrong, for the analyst."""
