"""The cluster as Pulumi components on AWS. They translate a finished plan and compute nothing of their own."""
