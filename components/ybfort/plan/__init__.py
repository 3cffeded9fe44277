"""From spec to plan: all that can be computed before a resource exists. Pure, and cloud-neutral where it can be."""
