"""Production: published specs behind HTTP, with a durable inbox."""
