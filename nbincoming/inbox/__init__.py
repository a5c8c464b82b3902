"""Where accepted requests are kept: each store claims a key and appends its event in one step."""
