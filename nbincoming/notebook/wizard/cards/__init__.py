"""The five cards of the wizard. A card hands actions to the state and shows it."""
