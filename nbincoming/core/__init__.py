"""Decide what a request means, without input or output.

It uses no clock, environment, socket, file, pandas, tornado or widget. The request has
the time, and secrets are arguments.
"""
