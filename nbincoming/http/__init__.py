"""HTTP/1.1 requests as the drivers read them: one parser, and its refusals."""
