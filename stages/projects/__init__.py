"""New projects with a copy of this code: the demo, and studies of a user's own images."""
