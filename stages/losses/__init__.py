"""What training makes small, one file each, named like the knob's value."""
