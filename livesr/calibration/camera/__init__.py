"""The camera's own pattern: offset, response, hot pixels and flat fields, measured and undone."""
