"""The HTTP API: one module per noun, each door decodes, calls one service and encodes."""
