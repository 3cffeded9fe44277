"""Cloud Storage on this machine for the gcloud CLI, and a stand-in for that where it is not installed."""

import json
import shutil
import sys
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from object_servers import Answer, Server, served

PROJECT, NUMBER = "orders-prod-4711", "4711"

# Answers as gcloud 528 does.
STAND_IN = """\
#!{python}
import json, os, sys, urllib.error, urllib.parse, urllib.request

HINT = "Please run:\\n\\n  $ gcloud auth login\\n"

def get(url, path):
    try:
        with urllib.request.urlopen(os.environ["CLOUDSDK_API_ENDPOINT_OVERRIDES_" + url] + path) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        if error.code == 404 and "/o/" in path:
            sys.exit(f"ERROR: (gcloud.storage.cp) The following URLs matched no objects or files:\\n{{place}}")
        sys.exit(f"ERROR: (gcloud) [None] does not have permission: {{error}}\\n{{HINT}}")

call, rest = sys.argv[1:3], sys.argv[3:]
if os.environ.get("CLOUDSDK_AUTH_DISABLE_CREDENTIALS") != "true":
    sys.exit("ERROR: (gcloud) You do not currently have an active account selected.\\n" + HINT)
if call == ["projects", "describe"]:
    print(json.loads(get("CLOUDRESOURCEMANAGER", "v1/projects/" + rest[0]))["projectNumber"])
    sys.exit()
place = next(one for one in rest if one.startswith("gs://"))
bucket, _, name = place.removeprefix("gs://").partition("/")
if call == ["storage", "buckets"]:
    print(json.loads(get("STORAGE", "b/" + bucket))["projectNumber"])
elif call == ["storage", "ls"]:
    listed = json.loads(get("STORAGE", "b/" + bucket + "/o?prefix=" + urllib.parse.quote(name.rstrip("*"))))["items"]
    if not listed:
        sys.exit("ERROR: (gcloud.storage.ls) One or more URLs matched no objects.")
    print(json.dumps([{{"metadata": {{**one, "updated": one["updated"].replace("Z", "+00:00")}}}} for one in listed]))
elif call == ["storage", "cp"]:
    with open(rest[-1], "wb") as file:
        file.write(get("STORAGE", "b/" + bucket + "/o/" + urllib.parse.quote(name, "") + "?alt=media"))
"""


@dataclass
class StorageServer(Server):
    """The part of Cloud Storage that `ybfort status` uses, and the numbers of projects."""

    bucket: str
    owner: str = NUMBER
    objects: dict[str, bytes] = field(default_factory=dict[str, bytes])  # by name
    ages: dict[str, float] = field(default_factory=dict[str, float])  # seconds; of those that are not new

    @property
    def settings(self) -> dict[str, str]:
        """The environment of a CLI that asks this server, and has a configuration of its own."""
        return {
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE": f"{self.url}/storage/v1/",
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDRESOURCEMANAGER": f"{self.url}/",
            "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
            "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
            "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "true",
        }

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> Answer:
        asked = urlsplit(request.path)
        path, query = unquote(asked.path), parse_qs(asked.query)
        home = f"/storage/v1/b/{self.bucket}"
        if path == f"/v1/projects/{PROJECT}":
            return _json(projectId=PROJECT, projectNumber=NUMBER)
        if path == home:
            return _json(name=self.bucket, projectNumber=self.owner, location="EUROPE-WEST1")
        if path == f"{home}/o":
            prefix = query.get("prefix", [""])[0]
            return _json(items=[self._described(name) for name in self.objects if name.startswith(prefix)])
        name = path.removeprefix(f"{home}/o/")
        if name not in self.objects:
            return 404, json.dumps({"error": {"code": 404, "message": f"No such object: {path}"}}).encode()
        return (200, self.objects[name]) if query.get("alt") == ["media"] else _json(**self._described(name))

    def _described(self, name: str) -> dict[str, str]:
        at = datetime.fromtimestamp(time.time() - self.ages.get(name, 0), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        return {
            "name": name,
            "bucket": self.bucket,
            "generation": "1",
            "size": str(len(self.objects[name])),
            "updated": at,
            "timeCreated": at,
            "mediaLink": f"{self.url}/storage/v1/b/{self.bucket}/o/{name.replace('/', '%2F')}?alt=media",
        }


def storage_server(bucket: str) -> AbstractContextManager[StorageServer]:
    """A server with one bucket."""
    return served(StorageServer(bucket))


def gcloud(kind: str, folder: Path) -> Path | None:
    """The folder of the CLI, the real one or the stand-in; None where the real one is not installed."""
    if kind == "real":
        found = shutil.which("gcloud")
        return Path(found).parent if found else None
    folder.mkdir()
    (folder / "gcloud").write_text(STAND_IN.format(python=sys.executable))
    (folder / "gcloud").chmod(0o755)
    return folder


def _json(**content: object) -> Answer:
    return 200, json.dumps(content).encode()
