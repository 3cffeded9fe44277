"""Simulated clouds: the real Pulumi engine runs a stack's program, and nothing real is created."""
