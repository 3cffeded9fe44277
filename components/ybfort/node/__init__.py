"""The agent on every node: it brings the machine to its declared state, and keeps it there.

It runs on the Python of the machine's image (3.9) and needs nothing else: the standard library and itself.
"""
