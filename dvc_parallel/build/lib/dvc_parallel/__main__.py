"""`python -m dvc_parallel`, the command dvc-parallel."""

from dvc_parallel.command import main

main()
