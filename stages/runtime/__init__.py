"""What every command needs and no result depends on; never part of a fingerprint."""
