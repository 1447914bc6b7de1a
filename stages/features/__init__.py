"""What a pretrained network makes of images: cached features, and the same inside a whole model."""
