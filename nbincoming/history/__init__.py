"""What was received, for people: samples, frames, profiles."""
