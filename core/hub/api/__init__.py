"""The open HTTP API, one router per noun."""
