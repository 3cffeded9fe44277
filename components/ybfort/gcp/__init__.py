"""A cluster on GCP."""
