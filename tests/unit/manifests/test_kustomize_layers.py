"""Each layer builds with kubectl, and its objects fit together."""

import click
import pytest

from adapter import flags
from adapter.settings import settings_of
from tests.unit.manifests.manifest_files import LAYERS, MANIFESTS, kustomize, needs_kubectl, only

pytestmark = [needs_kubectl, pytest.mark.kubectl]

NAMESPACE = "watermark-autoscaler"
CLUSTER_WIDE = {
    "APIService", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "Namespace",
}  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS)
def test_layer_builds_and_every_object_knows_its_place(layer):
    objects = kustomize(layer)
    assert objects
    for obj in objects:
        namespace = obj["metadata"].get("namespace")
        if obj["kind"] in CLUSTER_WIDE:
            assert namespace is None
        elif obj["metadata"]["name"].endswith("extension-apiserver-authentication-reader"):
            assert namespace == "kube-system"
        else:
            assert namespace == NAMESPACE, obj["metadata"]["name"]
        if layer != "with-cert-manager":
            labels = obj["metadata"]["labels"]
            assert labels["app.kubernetes.io/part-of"] == NAMESPACE
            assert labels["app.kubernetes.io/name"]


def test_every_layer_is_tried():
    folders = {path.parent.name for path in MANIFESTS.glob("*/kustomization.yaml")}
    assert folders == set(LAYERS)


def test_everything_is_the_sum_of_the_layers():
    parts = [kustomize(layer) for layer in ("namespace", "crd", "adapter", "scaler")]
    assert len(kustomize("default")) == sum(len(part) for part in parts)


def test_the_api_service_leads_to_the_adapters_port():
    objects = kustomize("default")
    api = only(objects, "APIService", "v1beta1.external.metrics.k8s.io")["spec"]
    assert (api["group"], api["version"]) == ("external.metrics.k8s.io", "v1beta1")
    service = only(objects, "Service", api["service"]["name"])
    assert service["metadata"]["namespace"] == api["service"]["namespace"]
    (port,) = [p for p in service["spec"]["ports"] if p["port"] == api["service"]["port"]]
    pod = only(objects, "Deployment", "wpa-adapter")["spec"]["template"]
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    (container,) = pod["spec"]["containers"]
    numbers = {p["name"]: p["containerPort"] for p in container["ports"]}
    assert f"--secure-port={numbers[port['targetPort']]}" in container["args"]


@pytest.mark.parametrize("name", ["wpa-adapter", "wpa-scaler"])
def test_pods_are_hardened_probed_and_bounded(name):
    deployment = only(kustomize("default"), "Deployment", name)["spec"]
    assert (
        deployment["selector"]["matchLabels"].items()
        <= deployment["template"]["metadata"]["labels"].items()
    )
    pod = deployment["template"]["spec"]
    assert pod["serviceAccountName"] == name
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["topologySpreadConstraints"]
    (container,) = pod["containers"]
    assert container["image"] == "watermark-autoscaler:0.1.0"
    assert container["command"] == [name]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert set(container["resources"]["requests"]) == {"cpu", "memory"}
    assert "memory" in container["resources"]["limits"]
    ports = {port["name"] for port in container["ports"]}
    for probe in ("livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] in ports


def test_probes_ask_the_real_endpoints():
    objects = kustomize("default")
    probes = {}
    for name in ("wpa-adapter", "wpa-scaler"):
        (container,) = only(objects, "Deployment", name)["spec"]["template"]["spec"]["containers"]
        numbers = {port["name"]: port["containerPort"] for port in container["ports"]}
        for probe in ("livenessProbe", "readinessProbe"):
            get = container[probe]["httpGet"]
            probes[name, probe] = (get.get("scheme", "HTTP"), numbers[get["port"]], get["path"])
    assert probes == {
        ("wpa-adapter", "livenessProbe"): ("HTTPS", 6443, "/livez"),
        ("wpa-adapter", "readinessProbe"): ("HTTPS", 6443, "/readyz"),
        ("wpa-scaler", "livenessProbe"): ("HTTP", 9440, "/healthz"),
        ("wpa-scaler", "readinessProbe"): ("HTTP", 9440, "/readyz"),
    }


def test_the_adapter_survives_the_loss_of_a_node():
    objects = kustomize("default")
    deployment = only(objects, "Deployment", "wpa-adapter")["spec"]
    assert deployment["replicas"] >= 2
    assert deployment["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    budget = only(objects, "PodDisruptionBudget", "wpa-adapter")["spec"]
    assert budget["minAvailable"] == 1
    assert budget["selector"] == deployment["selector"]


def test_two_scalers_never_run_side_by_side():
    deployment = only(kustomize("default"), "Deployment", "wpa-scaler")["spec"]
    assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})


def test_changed_rules_roll_the_adapter_out():
    objects = kustomize("adapter")
    (rules,) = [obj for obj in objects if obj["kind"] == "ConfigMap"]
    assert rules["metadata"]["name"].startswith("wpa-adapter-rules-")
    pod = only(objects, "Deployment", "wpa-adapter")["spec"]["template"]["spec"]
    (volume,) = [volume for volume in pod["volumes"] if volume["name"] == "rules"]
    assert volume["configMap"]["name"] == rules["metadata"]["name"]
    (container,) = pod["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert {f"--config={mounts['rules']}/{key}" for key in rules["data"]} <= set(container["args"])


def test_with_cert_manager_the_api_server_checks_the_certificate():
    objects = kustomize("with-cert-manager")
    api = only(objects, "APIService", "v1beta1.external.metrics.k8s.io")
    assert "insecureSkipTLSVerify" not in api["spec"]
    source = api["metadata"]["annotations"]["cert-manager.io/inject-ca-from"]
    certificate = only(objects, "Certificate", source.removeprefix(f"{NAMESPACE}/"))["spec"]
    service = api["spec"]["service"]
    assert certificate["dnsNames"] == [f"{service['name']}.{service['namespace']}.svc"]
    pod = only(objects, "Deployment", "wpa-adapter")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    (volume,) = [v for v in pod["volumes"] if v.get("secret")]
    assert volume["secret"]["secretName"] == certificate["secretName"]
    folder = mounts[volume["name"]]
    assert f"--tls-cert-file={folder}/tls.crt" in container["args"]
    assert f"--tls-private-key-file={folder}/tls.key" in container["args"]
    assert not [arg for arg in container["args"] if arg.startswith("--cert-dir")]


def test_with_managed_certificates_the_adapter_may_do_what_it_is_told():
    objects = kustomize("with-managed-certificates")
    api = only(objects, "APIService", "v1beta1.external.metrics.k8s.io")
    assert "insecureSkipTLSVerify" not in api["spec"]
    pod = only(objects, "Deployment", "wpa-adapter")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    settings = adapter_settings.main(container["args"], standalone_mode=False)
    namespace, _, name = settings.serving.managed.partition("/")
    role = only(objects, "Role", "wpa-adapter:managed-certificates")
    assert role["metadata"]["namespace"] == namespace
    named = [rule for rule in role["rules"] if rule["verbs"] != ["create"]]
    assert [rule["resourceNames"] for rule in named] == [[name]]
    assert settings.serving.folder == ""
    assert [mount["name"] for mount in container["volumeMounts"]] == ["rules"]
    assert [volume["name"] for volume in pod["volumes"]] == ["rules"]


@click.command()
@flags.options
def adapter_settings(**given):
    return settings_of(given)


@pytest.mark.parametrize("layer", ["default", "with-cert-manager", "with-managed-certificates"])
def test_the_adapter_understands_its_command_line_and_ends_within_its_grace_period(layer):
    pod = only(kustomize(layer), "Deployment", "wpa-adapter")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    settings = adapter_settings.main(container["args"], standalone_mode=False)
    assert settings.shutdown_delay >= 30.0
    assert settings.shutdown_delay + settings.drain < pod["terminationGracePeriodSeconds"]


def test_the_scaler_needs_no_flag():
    pod = only(kustomize("default"), "Deployment", "wpa-scaler")["spec"]["template"]["spec"]
    assert "args" not in pod["containers"][0]
