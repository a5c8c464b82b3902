"""What a sender adds to a request to prove who it is: how each kind is made and checked."""
