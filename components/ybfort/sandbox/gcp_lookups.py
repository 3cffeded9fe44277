"""The look-ups (`get_project` and others) that the simulated GCP answers by itself."""

from ybfort.sandbox.gcp import number
from ybfort.sandbox.lookups import Answers, Question
from ybfort.sandbox.values import Values


def _project(question: Question) -> Values:
    """The project that is asked for, or the provider's: every project exists."""
    id_ = question.text("projectId") or question.site.account
    return {
        "id": f"projects/{id_}",
        "projectId": id_,
        "name": id_,
        "number": number(id_),
        "orgId": "",
        "folderId": "",
        "billingAccount": "",
        "autoCreateNetwork": False,
        "deletionPolicy": "",
        "labels": {},
        "effectiveLabels": {},
        "pulumiLabels": {},
        "tags": {},
    }


def _client_config(question: Question) -> Values:
    site = question.site
    return {
        "id": f'projects/"{site.account}"/regions/"{site.region}"',
        "project": site.account,
        "region": site.region,
        "zone": site.zone,
        "accessToken": "",
        "defaultLabels": {},
    }


def _storage_agent(question: Question) -> Values:
    """Cloud Storage's own account in a project. It exists from the first time that somebody asks."""
    project = question.text("project") or question.site.account
    email = f"service-{number(project)}@gs-project-accounts.iam.gserviceaccount.com"
    return {
        "id": email,
        "project": project,
        "emailAddress": email,
        "member": f"serviceAccount:{email}",
        "userProject": question.text("userProject"),
    }


def _log_agent(question: Question) -> Values:
    project = question.text("project") or question.site.account
    name = f"projects/{project}/cmekSettings"
    return {
        "id": name,
        "name": name,
        "project": project,
        "kmsKeyName": "",
        "kmsKeyVersionName": "",
        "serviceAccountId": f"service-{number(project)}@gcp-sa-logging.iam.gserviceaccount.com",
    }


ANSWERS: Answers = {
    "gcp:storage/getProjectServiceAccount:getProjectServiceAccount": _storage_agent,
    "gcp:logging/getProjectCmekSettings:getProjectCmekSettings": _log_agent,
    "gcp:organizations/getProject:getProject": _project,
    "gcp:organizations/getClientConfig:getClientConfig": _client_config,
}
