#!/bin/bash
# Node @node@ of cluster @cluster@: fetches the agent, checks it and installs it. The agent does everything else.
# This text stays the same for the cluster's whole life, and holds no secret.
set -euo pipefail
umask 022
cluster=@cluster@ node=@node@ region=@region@ account=@account@ bucket=@bucket@
boot=/opt/ybfort/boot unit=/etc/systemd/system/ybfort-boot.service

if [[ $0 != "$boot" ]]; then # the first time: hand this on to systemd, which tries until it works
  install -D --mode=0755 "$0" "$boot"
  cat >"$unit" <<UNIT
[Unit]
Description=Fetch, check and install the ybfort agent
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0
[Service]
Type=oneshot
ExecStart=$boot
Environment=AWS_RETRY_MODE=standard AWS_MAX_ATTEMPTS=6
TimeoutStartSec=10min
Restart=on-failure
RestartSec=30
PrivateTmp=yes
ProtectHome=yes
NoNewPrivileges=yes
[Install]
WantedBy=multi-user.target
UNIT
  systemctl daemon-reload
  systemctl enable ybfort-boot.service
  exec systemctl restart --no-block ybfort-boot.service
fi

work=$(mktemp --directory)
trap 'rm -rf "$work"' EXIT
cd "$work"
fetch() {
  aws s3api get-object --region "$region" --bucket "$bucket" --expected-bucket-owner "$account" \
    --cli-connect-timeout 5 --cli-read-timeout 20 --key "$1" "$2" >/dev/null
}
agent() { python3 -I -c 'import json, sys; print(json.load(open("cluster.json"))["agent"][sys.argv[1]])' "$1"; }
fetch config/cluster.json cluster.json
key=$(agent key)
sha256=$(agent sha256)
fetch "$key" agent.pyz
sha256sum --check --strict --quiet <<<"$sha256  agent.pyz"
python3 -I agent.pyz install --cloud aws --cluster "$cluster" --node "$node" --region "$region" \
  --account "$account" --bucket "$bucket"
