#!/bin/bash
# Node @node@ of cluster @cluster@: fetches the agent, checks it and installs it. The agent does everything else.
# This text stays the same for the cluster's whole life, and holds no secret.
set -euo pipefail
umask 022
cluster=@cluster@ node=@node@ region=@region@ account=@account@ bucket=@bucket@
boot=/opt/ybfort/boot unit=/etc/systemd/system/ybfort-boot.service

if [[ $0 != "$boot" ]]; then # Google's guest agent, at every start: hand this on to systemd, which tries until it works
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
TimeoutStartSec=10min
Restart=on-failure
RestartSec=30
PrivateTmp=yes
ProtectHome=yes
NoNewPrivileges=yes
UNIT
  systemctl daemon-reload
  exec systemctl restart --no-block ybfort-boot.service
fi

work=$(mktemp --directory) # root's alone, as the access token in it; no process has the token in its arguments
trap 'rm -rf "$work"' EXIT
cd "$work"
ask() { curl --disable --noproxy '*' --silent --show-error --fail --connect-timeout 5 --max-time 60 "$@"; }
metadata() {
  ask --proto =http --header 'Metadata-Flavor: Google' "http://metadata.google.internal/computeMetadata/v1/$1"
}
storage() {
  ask --proto =https --tlsv1.2 --header @token "https://storage.googleapis.com/storage/v1/b/$bucket$1"
}
fetch() {
  local name
  name=$(python3 -I -c 'import sys, urllib.parse; print(urllib.parse.quote(sys.argv[1], ""))' "$1")
  storage "/o/$name?alt=media"
}
member() { # of a JSON document, by its path
  python3 -I -c 'import functools, json, sys
print(functools.reduce(dict.__getitem__, sys.argv[1:], json.load(sys.stdin)))' "$@"
}
token=$(metadata instance/service-accounts/default/token | member access_token)
printf 'Authorization: Bearer %s\n' "$token" >token
owner=$(storage '?fields=projectNumber' | member projectNumber)
own=$(metadata project/numeric-project-id)
if [[ $owner != "$own" ]]; then # names are everybody's: one that was ours may be made again by others
  echo "The bucket $bucket is not of project $account." >&2
  exit 1
fi
fetch config/cluster.json >cluster.json
key=$(member agent key <cluster.json)
sha256=$(member agent sha256 <cluster.json)
fetch "$key" >agent.pyz
sha256sum --check --strict --quiet <<<"$sha256  agent.pyz"
python3 -I agent.pyz install --cloud gcp --cluster "$cluster" --node "$node" --region "$region" \
  --account "$account" --bucket "$bucket"
