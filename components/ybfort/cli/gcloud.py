"""A bucket of GCP through the gcloud CLI, with the credentials of whoever calls it."""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

from ybfort.node.cloud import CloudFailure, Listed, Missing
from ybfort.node.system import Output, System

SECONDS = 150.0  # of one call: with its own tries, and it takes two to start
SETTINGS = {"CLOUDSDK_CORE_DISABLE_PROMPTS": "1", "CLOUDSDK_CORE_LOG_HTTP": "false"}
ERROR = re.compile(r"^ERROR: (?:\([\w.]+\) )?(.*)$", re.MULTILINE)  # what follows are hints, in several lines
NOTHING = "matched no objects"


class Gcloud:
    """Buckets are read only if they belong to the cluster's own project.

    :param environment: settings of whoever calls
    """

    def __init__(self, project: str, system: System, environment: dict[str, str]) -> None:
        self._project, self._system, self._environment = project, system, environment

    def list_objects(self, bucket: str, prefix: str) -> dict[str, Listed]:
        self._refuse_foreign(bucket)
        place = f"gs://{bucket}/{prefix}"
        # `ls`, because `storage objects list` shows versions, too, that others have replaced.
        output = self._run("storage", "ls", "--json", f"{place}**")
        if output.code and NOTHING in output.err:
            return {}
        content = _checked(place, output)
        try:
            objects: list[Any] = [one["metadata"] for one in json.loads(content)]
            return {
                one["name"]: Listed(one["generation"], datetime.fromisoformat(one["updated"]).timestamp())
                for one in objects
            }
        except (ValueError, KeyError, TypeError):
            raise CloudFailure(f"{place}: the gcloud CLI printed what is no list of objects.") from None

    def get_object(self, bucket: str, key: str, to: Path) -> None:
        place = f"gs://{bucket}/{key}"
        output = self._run("storage", "cp", "--no-user-output-enabled", place, str(to))
        if output.code and NOTHING in output.err:
            raise Missing(f"{place} is not there.")
        _checked(place, output)

    def _refuse_foreign(self, bucket: str) -> None:
        """Names of buckets are everybody's: what is in another project's tells nothing of this cluster."""
        place, project = f"gs://{bucket}", f"project {self._project}"
        theirs = self._run("storage", "buckets", "describe", place, "--raw", "--format=value(projectNumber)")
        ours = self._run("projects", "describe", self._project, "--format=value(projectNumber)")
        if _checked(place, theirs).strip() != _checked(project, ours).strip():
            raise CloudFailure(f"{place}: access denied: it is not of {project}.")

    def _run(self, *call: str) -> Output:
        return self._system.run("gcloud", *call, seconds=SECONDS, environment={**SETTINGS, **self._environment})


def _checked(about: str, output: Output) -> str:
    """What the CLI printed.

    :raises CloudFailure: with the reason, if it failed
    """
    if output.code:
        found = ERROR.search(output.err)
        raise CloudFailure(f"{about}: {found[1] if found else output.last_line}")
    return output.out
