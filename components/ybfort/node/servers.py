"""The files that yb-master and yb-tserver are started with, and how a server tells by its command line which they were.

A flag file is named after its own content and its unit's, so the command line of a running server says whether it runs
as it should; and a node that has to wait for its turn keeps the old files, which serve if the server starts meanwhile.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from ybfort.node.config import CLOCK_SECONDS, DATA, MASTER, TSERVER, USER, Config
from ybfort.node.database import PRODUCT
from ybfort.node.system import System
from ybfort.node.systemd import Unit, read_again

FLAGS = "/etc/yugabyte"
CREATING = "/run/ybfort/creating"  # there while a new cluster is made; gone after a start of the machine
# What a master has once it is a member of a cluster. It is written when all masters of a new one have found each other
# (src/yb/master/sys_catalog.cc: CreateNew), so while one of them still has to start none has it.
SYS_CATALOG = "consensus-meta/" + "0" * 32
BLANK, BEGUN, MEMBER = "blank", "begun", "member"

# Limits: YugabyteDB documentation, deploy/manual-deployment/system-config. A server that is told to end has to flush,
# and PostgreSQL has a minute for its sessions; whoever kills it earlier makes the next start long.
# A server that does not come up is tried ten times in five minutes, and from then on by the agent, once a minute.
UNIT = """\
[Unit]
Description=YugabyteDB {what} (ybfort)
Wants=network-online.target time-sync.target
After=network-online.target time-sync.target chronyd.service chrony.service
RequiresMountsFor={data}
AssertPathIsMountPoint={data}
StartLimitIntervalSec=5min
StartLimitBurst=10

[Service]
User={user}
Group={user}
{environment}\
ExecStartPre=/usr/bin/chronyc waitsync 60 {clock:g} 0 1
ExecStart={home}/bin/{name} --flagfile={flags}{more}
Restart=always
RestartSec=5
TimeoutStartSec=3min
TimeoutStopSec=2min
KillMode=mixed
OOMScoreAdjust=-900
{directory}\
LimitNOFILE=1048576
LimitNPROC=12000
LimitCORE=infinity
LimitMEMLOCK=64
LimitSTACK=8388608
LimitSIGPENDING=119934
LimitMSGQUEUE=819200
# Every line of the database's log counts: it is the record of who logged in.
LogRateLimitIntervalSec=0
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
PrivateTmp=yes
PrivateDevices=yes
ProtectSystem=strict
ReadWritePaths={data} /var/log/yugabyte
ProtectHome=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""
WHAT = {MASTER: "master", TSERVER: "tablet server"}
PARTS = {
    MASTER: {"environment": f"EnvironmentFile=-{CREATING}\n", "more": " $MORE", "directory": ""},
    # The local socket of YSQL lies in a directory that systemd makes.
    TSERVER: {
        "environment": "",
        "more": "",
        "directory": "RuntimeDirectory=yugabyte\nRuntimeDirectoryMode=0750\n",
    },
}


@dataclass(frozen=True)
class Server:
    """A server as it should run."""

    name: str
    release: str
    flags_file: str
    flags: str
    unit: str

    @property
    def unit_file(self) -> str:
        return unit_file(self.name)

    @property
    def command(self) -> tuple[str, str]:
        """How its command line begins."""
        return f"{PRODUCT}/{self.release}/bin/{self.name}", f"--flagfile={self.flags_file}"

    def runs(self, unit: Unit) -> bool:
        """Whether it runs like that."""
        return unit.active and unit.command[:2] == self.command

    def install(self, system: System) -> None:
        """Put its files in place; the unit comes last, since it names the flags."""
        system.write(self.flags_file, self.flags.encode())
        system.write(self.unit_file, self.unit.encode())
        read_again(system)
        for path in system.path(FLAGS).glob(f"{self.name}-*.flags"):
            if f"{FLAGS}/{path.name}" != self.flags_file:
                system.remove(f"{FLAGS}/{path.name}")


def unit_file(name: str) -> str:
    """Where the unit of a server lies."""
    return f"/etc/systemd/system/{name}.service"


def wanted(config: Config, name: str, *, ycql_open: bool, first_trusted: str) -> Server:
    """A server of this node as the declared state wants it.

    :param ycql_open: YCQL's default superuser is closed; until then YCQL is reached from the node alone
    :param first_trusted: fingerprint of the authority that has been trusted for the longest. Servers read new ones
        while they run and forget old ones only with a restart, so the change of this one is a change of the server.
    """
    flags = config.flags(name)
    if "cql_proxy_bind_address" in flags and not ycql_open:
        flags["cql_proxy_bind_address"] = f"127.0.0.1:{flags['cql_proxy_bind_address'].rpartition(':')[2]}"
    lines = [f"# authority {first_trusted[:12]}", *(f"--{flag}={value}" for flag, value in sorted(flags.items())), ""]
    text, release = "\n".join(lines), config.cluster["release"]["version"]

    def unit(file: str) -> str:
        return UNIT.format(
            what=WHAT[name],
            data=DATA,
            user=USER,
            clock=CLOCK_SECONDS,
            home=f"{PRODUCT}/{release}",
            name=name,
            flags=file,
            **PARTS[name],
        )

    file = f"{FLAGS}/{name}-{hashlib.sha256((unit('') + text).encode()).hexdigest()[:12]}.flags"
    return Server(name, release, file, text, unit(file))


def release_of(system: System, name: str) -> str | None:
    """The release that a server of this machine is set up with; None if it is not set up."""
    found = re.search(rf"^ExecStart={PRODUCT}/([^/]+)/", system.read(unit_file(name)) or "", re.MULTILINE)
    return found[1] if found else None


def data_of(system: System, config: Config, name: str) -> str:
    """What is on the disk of a server: nothing, a start that did not come to its end, or a member's data."""
    home = f"{config.flags(name)['fs_data_dirs']}/yb-data/{name.rpartition('-')[2]}"
    if system.path(f"{home}/{SYS_CATALOG}" if name == MASTER else f"{home}/instance").exists():
        return MEMBER
    return BEGUN if system.path(f"{home}/instance").exists() else BLANK
