"""Simulated nodes: the real agent on machines that are folders, with servers that behave as YugabyteDB's do.

The agent is the one that real nodes run. Simulated are the programs of the image (`machine`), the cloud behind its
command line (`cloud`), and the database: its masters and tablet servers (`universe`, `server`) and their tools
(`tools`). YSQL is a real PostgreSQL 15 (`postgres`). A `fleet` is a cluster of such machines.
"""
