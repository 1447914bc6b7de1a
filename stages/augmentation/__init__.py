"""Random changes of training images and of their targets, one file each, named like its knob.

Each has `ORDER`, its place among those of a variant; `draw`, all chance of an epoch; and `apply`, the change.
"""
