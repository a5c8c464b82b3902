"""Where the relay delivers events: one module for each kind of sink."""
