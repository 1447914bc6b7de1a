"""Pretrained feature extractors, by the format they come in."""
