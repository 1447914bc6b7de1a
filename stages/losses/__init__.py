"""What training minimises, one file each, named like the knob's value."""
