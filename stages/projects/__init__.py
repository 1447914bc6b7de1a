"""New projects beside this one, with its code: the demo, and studies of one's own images."""
