"""params.yaml and what it says."""
