"""The networks of the report and of the ladder beyond it, as plain Keras functions.

Constants next to each `build` say what the network demands of its knobs and images.
"""
