"""The kernel's side: the listener, the integration and its wizard."""
