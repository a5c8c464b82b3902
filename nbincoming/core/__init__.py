"""The pure core: bytes and values in, values out.

It uses no clock, environment, socket, file, pandas, tornado or widget. The time comes with the
request, secrets are an argument.
"""
