"""What a request is: its bytes, headers, values, labels and parameters."""
