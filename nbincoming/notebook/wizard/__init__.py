"""The wizard: its state, its cards, and what they are built of."""
