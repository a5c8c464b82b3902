"""The pure core: bytes and values in, values out.

No clock, environment, socket, file, pandas, tornado or widget below this line. Time
comes in with the request, secrets come in as an argument.
"""
