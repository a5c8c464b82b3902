"""Production: published specs behind HTTP, durably; and the relay that delivers events."""
