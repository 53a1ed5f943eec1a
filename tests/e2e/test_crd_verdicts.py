"""What the CRD accepts and refuses on the real server, and in which words (D28, D33)."""

import json

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import Kubectl, KubectlFailed
from tests.controlplane.rest import Refused
from tests.e2e.crds import OURS, PLURAL, causes_of, install, status_of
from tests.unit.manifests.crd_verdicts import ABSENT, CASES, Case, Verdict, spec

BEHIND_FTP = Case(
    "a recommender behind FTP",
    Verdict.RULE,
    spec(metrics=ABSENT, recommender={"url": "ftp://r/x"}),
    "spec.recommender.url",
    "the URL has to start with http:// or https://",
)
REFUSED = [BEHIND_FTP, *(case for case in CASES if case.verdict is not Verdict.ACCEPTED)]


@pytest.fixture(scope="module")
def wpas(cluster: ControlPlane) -> str:
    """Where new objects are judged."""
    install(cluster)
    return f"/apis/{OURS}/v1alpha1/namespaces/default/{PLURAL}?dryRun=All"


def body(case: Case) -> dict[str, object]:
    kind = {"apiVersion": f"{OURS}/v1alpha1", "kind": "WatermarkPodAutoscaler"}
    return kind | {"metadata": {"name": "web"}, "spec": case.spec}


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.verdict is Verdict.ACCEPTED], ids=lambda case: case.what
)
def test_accepted(cluster: ControlPlane, wpas: str, case: Case):
    assert cluster.rest.post(wpas, body(case))["spec"]["minReplicas"] >= 1


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.what)
def test_refused_naming_the_field_and_the_fault(cluster: ControlPlane, wpas: str, case: Case):
    with pytest.raises(Refused) as refused:
        cluster.rest.post(wpas, body(case))
    status = status_of(refused.value)
    assert (status["code"], status["reason"]) == (422, "Invalid")
    assert status["message"].startswith('WatermarkPodAutoscaler.datadoghq.com "web" is invalid: ')
    causes = causes_of(refused.value)
    assert any(case.says in said for said in causes[case.field]), causes
    if case.verdict is Verdict.RULE:
        # A rule speaks alone: no word of the server's own about it.
        assert list(causes) == [case.field]
        assert len(causes[case.field]) == 1


def test_every_refusal_of_the_table_is_in_words_of_its_own():
    assert all(case.field and case.says for case in REFUSED)
    ruled = {case.says for case in REFUSED if case.verdict is Verdict.RULE}
    assert len(ruled) >= 12


def test_several_faults_are_told_at_once(cluster: ControlPlane, wpas: str):
    metrics = [
        {"type": "External", "external": {"metricName": "a", "highWatermark": 0}},
        {"type": "Resource", "resource": {"name": "cpu"}},
    ]
    case = Case("", Verdict.RULE, spec(metrics=metrics, tolerance=2, minReplicas=9))
    with pytest.raises(Refused) as refused:
        cluster.rest.post(wpas, body(case))
    assert set(causes_of(refused.value)) == {
        "spec.metrics[0].external.highWatermark",
        "spec.metrics[1].resource.highWatermark",
        "spec.tolerance",
        "spec.minReplicas",
    }


def test_people_read_the_rule_in_kubectls_answer(cluster: ControlPlane, wpas: str):
    case = Case("", Verdict.RULE, spec(scaleDownLimitFactor="100"))
    with pytest.raises(KubectlFailed) as failed:
        cluster.kubectl("create", "-f", "-", "--dry-run=server", stdin=json.dumps(body(case)))
    assert failed.value.stderr == (
        'The WatermarkPodAutoscaler "web" is invalid: spec.scaleDownLimitFactor: Invalid value: '
        '"100": scaleDownLimitFactor has to be a percentage of at least 0 and less than 100, '
        "without a percent sign\n"
    )


def test_misspelt_field_is_told_by_kubectl(kubectl: Kubectl, wpas: str):
    case = Case("", Verdict.RULE, spec(upscaleForbiddenWindowSecond=30))
    with pytest.raises(KubectlFailed, match=r'unknown field "spec\.upscaleForbiddenWindowSecond"'):
        kubectl("create", "-f", "-", stdin=json.dumps(body(case)))
