"""The HTTP server in the kernel: Tornado's sockets, production's parser."""
