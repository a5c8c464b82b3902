"""The five cards of the wizard; each hands actions to the state and shows what it says."""
