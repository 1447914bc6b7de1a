"""The sets that the images of a prepared dataset are in, as split.npy numbers them."""

SETS = ("train", "validation", "test")
TRAIN, VALIDATION, TEST = range(len(SETS))
