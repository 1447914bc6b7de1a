"""What features go through before a head, by the names that `feature_steps` of params.yaml takes."""
