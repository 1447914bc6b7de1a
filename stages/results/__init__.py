"""From predictions to numbers and pictures."""
