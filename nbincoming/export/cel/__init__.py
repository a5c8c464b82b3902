"""Conditions in Google's Common Expression Language."""
