"""The study as DVC stages: verbs in this folder, nouns in the folders below."""

import os

# Read before TensorFlow's import, which takes seconds in which `dvc repro` may die.
PARENT = os.getppid()

# TensorFlow reads it when it is imported: without, each stage's log opens with notes on CPU and CUDA.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
