"""Who may call: schemes, tokens, signatures, and why a request was refused."""
