"""What others would build for the same job, measured in the same run: a tutorial's script, Node-RED, a bare COPY.

Each gets a broker and a data base of its own, of the same kind and settings as the platform's, and rows of one sensor
type; each must store every message under a unique index before it counts.
"""
