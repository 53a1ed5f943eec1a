"""What the bed reads and prints: the audit log, Go's progress, the kubelets' stages."""

from pathlib import Path

import yaml

from tests.controlplane import kubelets
from tests.controlplane.audit import read_events
from tests.controlplane.go_progress import EVERY, Progress

DENIED = (
    '{"kind":"Event","stage":"ResponseComplete","verb":"list","requestURI":"/apis/apps/v1/x?y=1",'
    '"user":{"username":"system:serviceaccount:a:robot","groups":["system:authenticated"]},'
    '"userAgent":"robot/1","objectRef":{"resource":"deployments","namespace":"a",'
    '"apiGroup":"apps","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":403},'
    '"annotations":{"authorization.k8s.io/decision":"forbid"}}\n'
)
HEALTH = (
    '{"stage":"ResponseComplete","verb":"get","requestURI":"/readyz","user":{"username":'
    '"system:anonymous"},"userAgent":"asks for system:serviceaccount:a:robot",'
    '"responseStatus":{"code":200},"annotations":{"authorization.k8s.io/decision":"allow"}}\n'
)


def test_audit_events_are_those_of_one_user_without_the_unfinished_line(tmp_path: Path):
    log = tmp_path / "audit.log"
    log.write_text(DENIED + HEALTH + DENIED[:100])
    (event,) = read_events(log, "system:serviceaccount:a:robot")
    assert (event.verb, event.code, event.allowed) == ("list", 403, False)
    assert event.request_uri == "/apis/apps/v1/x?y=1"
    assert event.object_ref is not None
    assert (event.object_ref.api_group, event.object_ref.namespace) == ("apps", "a")


def test_audit_events_of_everybody(tmp_path: Path):
    log = tmp_path / "audit.log"
    log.write_text(DENIED + HEALTH)
    assert [(event.code, event.allowed) for event in read_events(log)] == [
        (403, False),
        (200, True),
    ]
    assert list(read_events(tmp_path / "none")) == []


def test_progress_speaks_every_few_seconds_and_keeps_complaints():
    now, said = 0.0, list[str]()
    progress = Progress(said.append, lambda: now, packages=200)
    for number in range(100):
        now += EVERY / 20
        progress.line(f"example.test/{number}\n")
    progress.line("go: downloading example.test/a v1\n")
    progress.line("a.go:1:2: undefined: x\n")
    progress.done()
    assert said == [
        "20 of up to 200 packages, 0 min 10 s",
        "40 of up to 200 packages, 0 min 20 s",
        "60 of up to 200 packages, 0 min 30 s",
        "80 of up to 200 packages, 0 min 40 s",
        "100 of up to 200 packages, 0 min 50 s",
        "built in 0 min 50 s",
    ]
    assert "undefined: x" in progress.complaints()


def test_stages_and_their_description_name_the_same_annotations():
    text = kubelets.STAGES.read_text()
    stages = list(yaml.safe_load_all(text))
    assert {stage["kind"] for stage in stages} == {"Stage"}
    assert {stage["spec"]["resourceRef"]["kind"] for stage in stages} == {"Node", "Pod"}
    named = {
        part.split('"')[0]
        for part in text.replace("annotations[", "\0").split("\0")[1:]
        for part in [part.removeprefix('"')]
    }
    assert named == {
        kubelets.STATE,
        kubelets.READY_AFTER_SECONDS,
        kubelets.TERMINATES_AFTER_SECONDS,
    }
