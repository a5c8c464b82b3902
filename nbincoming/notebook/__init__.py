"""Inside the kernel: the listener, the integration and its wizard."""
