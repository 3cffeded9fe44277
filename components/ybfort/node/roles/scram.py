"""Passwords, and the verifiers by which PostgreSQL knows them (RFC 5802, RFC 7677; PostgreSQL: pg_authid.rolpassword).

The database only ever sees the verifier: nothing in SQL, a log or a backup lets anybody log in.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import string

ITERATIONS = 4096  # PostgreSQL's own; a password of 190 random bits needs no more
SALT_BYTES = 16
ALPHABET = string.ascii_letters + string.digits  # nothing that a URL, a shell or a connection string has to escape
LENGTH = 32
FINGERPRINT = 16  # hex digits
# With our own number of iterations only: a role can set a verifier of its own, and a billion would keep us busy.
VERIFIER = re.compile(rf"SCRAM-SHA-256\${ITERATIONS}:([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)")


def password() -> str:
    """A new password."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def verifier(password: str, salt: bytes | None = None) -> str:
    """The verifier of a password of ASCII letters and digits, which SASLprep leaves as they are."""
    salt = salt or secrets.token_bytes(SALT_BYTES)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS)
    client = hmac.digest(salted, b"Client Key", "sha256")
    server = hmac.digest(salted, b"Server Key", "sha256")
    stored = hashlib.sha256(client).digest()
    return f"SCRAM-SHA-256${ITERATIONS}:{_base64(salt)}${_base64(stored)}:{_base64(server)}"


def opens(password: str, known: str | None) -> bool:
    """Whether a password is the one of a verifier of ours."""
    found = VERIFIER.fullmatch(known or "")
    return found is not None and hmac.compare_digest(verifier(password, base64.b64decode(found[1])), found[0])


def fingerprint(known: str | None) -> str:
    """What tells a verifier from every other one, and gives nothing of it away: it may be read by all."""
    return hashlib.sha256((known or "").encode()).hexdigest()[:FINGERPRINT]


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
