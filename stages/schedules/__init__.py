"""How the learning rate falls over a training, one file each, named like the knob's value."""
