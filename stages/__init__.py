"""The study as DVC stages: verbs in this folder, nouns in the rooms below."""

from stages.runtime import environment as environment  # first of all imports: it settles what others read
