"""What is wrong in a workspace, and what heals it.

DVC believes its cache, and what it recorded: bytes are hashed here, and contents compared with each other.
"""
