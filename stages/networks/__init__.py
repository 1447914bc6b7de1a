"""The networks of the report as plain Keras functions."""
