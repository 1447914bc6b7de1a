"""Downloads, mirrors, checksums, and where data come from."""
