"""Running the pipeline: stages side by side, recorded as `dvc repro` records them."""
