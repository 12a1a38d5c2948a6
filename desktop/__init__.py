"""The supervisors' console: the only room that imports PySide6."""
