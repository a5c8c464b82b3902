"""Where accepted requests are kept: a store claims a key and appends its event in one step."""
