"""`dvc repro` on all cores: independent stages side by side, recorded as `dvc repro` records them."""
