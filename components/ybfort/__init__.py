"""ybfort: self-managed YugabyteDB clusters on a cloud's virtual machines, in which the secure way is the only way."""
