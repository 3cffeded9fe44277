"""Tests of Pulumi programs without an engine: record what a program registers, then ask the recorded graph."""
