"""Authorization: schemes, tokens, signatures, the login, and the diagnosis of refusals."""
