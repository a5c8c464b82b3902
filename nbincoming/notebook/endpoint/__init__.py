"""The endpoint of an integration in the kernel: what it answers, captures and lets in."""
