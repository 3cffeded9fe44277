"""The agent's own systemd units: a service that converges once, and a timer that starts it again and again."""

from __future__ import annotations

from ybfort.node.system import System

AGENT = "/opt/ybfort/agent.pyz"
NAMES = ("ybfort-converge.service", "ybfort-converge.timer")

# What is not closed, and why: /etc and /opt (users, fstab, units and releases are written there), block devices (a
# blank data volume is formatted), kernel tunables (sysctl, huge pages), the network (clouds have no fixed addresses).
# The mount itself is made by systemd, outside of this sandbox: here it would be seen by nobody else.
SERVICE = f"""\
[Unit]
Description=Bring this node to its declared state (ybfort)
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
ExecStart=/usr/bin/python3 -I {AGENT} converge
# A release of 500 MB over a slow network is the longest thing that a run waits for.
TimeoutStartSec=30min
UMask=0077
NoNewPrivileges=yes
PrivateTmp=yes
ProtectSystem=yes
ProtectHome=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=~@clock @cpu-emulation @debug @module @mount @obsolete @raw-io @reboot
SystemCallErrorNumber=EPERM
CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_KILL
CapabilityBoundingSet=CAP_SETGID CAP_SETUID CAP_SYS_ADMIN CAP_SYS_RESOURCE
"""
TIMER = """\
[Unit]
Description=Bring this node to its declared state every minute (ybfort)

[Timer]
OnBootSec=0
# Counted from the end of a run, so that runs never pile up.
OnUnitInactiveSec=1min
AccuracySec=1s
RandomizedDelaySec=5s

[Install]
WantedBy=timers.target
"""


def install_units(system: System) -> bool:
    """Make the units be there, known to systemd, and the timer running; says whether that was a change."""
    changed = False
    for name, text in zip(NAMES, (SERVICE, TIMER)):
        changed |= system.write(f"/etc/systemd/system/{name}", text.encode())
    # Asked, not remembered: a run may have been killed between writing a unit and telling systemd.
    state = system.must("systemctl", "show", "--property=NeedDaemonReload,UnitFileState,ActiveState", *NAMES)
    if changed or "NeedDaemonReload=yes" in state:
        system.must("systemctl", "daemon-reload")
        changed = True
    timer = state.rpartition("\n\n")[2].split()
    if "UnitFileState=enabled" not in timer or "ActiveState=active" not in timer:
        system.must("systemctl", "enable", "--now", NAMES[1])
        changed = True
    return changed
