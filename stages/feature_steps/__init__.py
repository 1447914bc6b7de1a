"""The steps that features go through before a head, by their names in `feature_steps` of params.yaml."""
