"""The study as DVC stages: verbs in this folder, nouns in the folders below."""
