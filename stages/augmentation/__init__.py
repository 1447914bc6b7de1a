"""Random changes of training images, one file each, named like its knob."""
