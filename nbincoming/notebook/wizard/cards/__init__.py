"""The five cards of the wizard. A card passes actions to the state and shows it."""
