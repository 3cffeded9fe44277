"""Roles, databases, rights and passwords: what is declared (`wanted`), what the database has (`found`), and what leads
from the one to the other (`statements`, `passwords`). What nobody declared is reported (`undeclared`)."""
