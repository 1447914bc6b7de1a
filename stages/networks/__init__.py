"""The networks of the report and of the ladder beyond it, as plain Keras functions.

Beside each `build`, constants say what the network demands of its knobs and images.
"""
