"""One module per page: lay out, connect, call the hub; compute nothing."""
