"""What a pretrained network makes of images: cached features, and the same within a whole model."""
