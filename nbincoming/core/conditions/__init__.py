"""Conditions: the tree, the operators, their meaning, their words."""
