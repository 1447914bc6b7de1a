"""The study on generated archives, offline."""
