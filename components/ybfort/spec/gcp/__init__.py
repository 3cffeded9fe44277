"""What a stack file may ask for on GCP."""
