"""How a network is fitted to its data, one file each, named like the knob `trainer`."""
