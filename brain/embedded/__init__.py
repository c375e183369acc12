"""The services that `cloudbrain up` brings along: PostgreSQL (with TimescaleDB) and a NATS broker, watched children.

What enters is a data folder; what leaves is an address that any client can use. Everything here is an async context
manager: entered it runs and heals itself, left it has stopped and flushed. No child outlives who started it.
"""

from brain.embedded.children import Child
from brain.embedded.lock import FolderLock
from brain.embedded.nats import EmbeddedNats
from brain.embedded.ports import pick_port
from brain.embedded.postgres import EmbeddedPostgres
from brain.embedded.server import PostgresServer, find_server

__all__ = ["Child", "EmbeddedNats", "EmbeddedPostgres", "FolderLock", "PostgresServer", "find_server", "pick_port"]
