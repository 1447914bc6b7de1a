"""What `verify` checks: outputs, DVC's cache, dvc.lock, metrics and leftovers."""
