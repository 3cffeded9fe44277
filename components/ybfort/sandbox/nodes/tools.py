"""The simulated `yb-admin` and `yb-ts-cli`: they show the node's certificate, and look closely at the server's."""

from __future__ import annotations

import json
import socket
import ssl
import sys
from pathlib import Path

SECONDS = 10.0


def main(name: str, program: Path, arguments: list[str]) -> int:
    """Do what the command line says. Exit codes: 0, and 1 for every failure."""
    options: dict[str, str] = {}
    while arguments and arguments[0].startswith("--"):
        option, value, *arguments = arguments
        options[option[2:]] = value
    root = Path(str(program).partition("/opt/yugabyte/")[0])
    places = options["master_addresses" if name == "yb-admin" else "server_address"].split(",")
    problem = "there is no server"
    for place in places:
        try:
            answer = _ask(place, root / options["certs_dir_name"].lstrip("/"), options["client_node_name"], arguments)
        except (OSError, ValueError) as failure:
            problem = f"{place}: {failure}"
            continue
        if "says" in answer:
            sys.stdout.write(answer["says"] + "\n")
            return 0
        problem = answer["refuses"]
        if problem != "not the leader":
            break
    sys.stderr.write(f"Error running {arguments[0]}: {problem}\n")
    return 1


def _ask(place: str, certificates: Path, shown: str, command: list[str]) -> dict[str, str]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.load_verify_locations(certificates / "ca.crt")
    tls.load_cert_chain(certificates / f"node.{shown}.crt", certificates / f"node.{shown}.key")
    address, port = place.split(":")
    with (
        socket.create_connection((address, int(port)), SECONDS) as plain,
        tls.wrap_socket(plain, server_hostname=address) as secure,
        secure.makefile("rw") as stream,
    ):
        stream.write(json.dumps(command) + "\n")
        stream.flush()
        return json.loads(stream.readline())
