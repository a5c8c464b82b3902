"""The HTTP server in the kernel, with Tornado's sockets and the parser of production."""
