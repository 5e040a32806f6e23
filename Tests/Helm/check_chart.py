#!/usr/bin/env python3
"""Renders the chart for several sets of values and judges what comes out, without a cluster.

Helm's own engine renders and lints, the schemas of two Kubernetes versions judge the manifests, and the promises that no schema knows
(security, reach, names) are checked here. Needs helm-python-sdk, kubernetes-validate and PyYAML; without them the check is skipped
and counted.
"""

import copy
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "countersign"
RUNBOOKS = {path.stem for path in (ROOT / "Runbooks").glob("*.md") if path.stem != "README"}
KUBERNETES = ["1.29", "1.34"]
# Custom resources have no schema in Kubernetes' own set; their shape is checked by hand below.
CUSTOM = {"ServiceMonitor", "PrometheusRule"}

SMALL = {"image": {"tag": "0.1.0"}, "database": {"secretName": "countersign-database"}, "keys": {"secretName": "countersign-keys"}}
LARGE = {
    "image": {"repository": "registry.example/countersign", "tag": "0.1.0", "pullPolicy": "Always"},
    "imagePullSecrets": [{"name": "registry"}],
    "database": {"secretName": "db", "directKey": "url", "poolKey": "pool-url"},
    "keys": {"secretName": "ring"},
    "otlp": {"endpoint": "https://traces.example/otlp"},
    "server": {"autoscaling": {"enabled": True, "maxReplicas": 9}, "nodeSelector": {"pool": "web"}, "disruptionBudget": {"maxUnavailable": "25%"}},
    "watchdog": {"secretName": "watchdog", "ports": [443, 587], "nodeSelector": {"pool": "apart"}},
    "workers": {"replicas": 4, "tolerations": [{"key": "egress", "operator": "Exists", "effect": "NoSchedule"}]},
    "service": {"type": "LoadBalancer", "annotations": {"example/internal": "true"}},
    "networkPolicy": {"workerEgress": {"ports": [443, 8443], "alsoTo": [{"to": [{"ipBlock": {"cidr": "10.20.0.0/24"}}], "ports": [{"protocol": "TCP", "port": 8443}]}]}},
    "monitoring": {"serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}}, "rules": {"enabled": True}},
}
TRIAL = {
    **copy.deepcopy(SMALL),
    "server": {"replicas": 1, "secureCookies": False, "disruptionBudget": {"enabled": False}},
    "networkPolicy": {"enabled": False},
    "monitoring": {"rules": {"enabled": True}},
}
SETS = {"small": SMALL, "large": LARGE, "trial": TRIAL}

REFUSED = {
    "a misspelt value": {**SMALL, "server": {"replica": 2}},
    "no replica": {**SMALL, "server": {"replicas": 0}},
    "a moving tag": {**SMALL, "image": {"tag": "latest"}},
    "no tag": {**SMALL, "image": {"tag": ""}},
    "no database": {**SMALL, "database": {"secretName": ""}},
    "no key ring": {**SMALL, "keys": {"secretName": ""}},
    "an open door": {**SMALL, "networkPolicy": {"ingressFrom": []}},
}


class Findings(list):
    def __init__(self, label):
        super().__init__()
        self.label = label

    def expect(self, claim, sentence):
        if not claim:
            self.append(f"{self.label}: {sentence}")


def render(helm, yaml, chart, values):
    documents = []
    rendered = chart.render(values, name="countersign", namespace="finance", is_install=True)
    for path in sorted(rendered):
        documents += [document for document in yaml.safe_load_all(rendered[path]) if document]
    return documents


def pods(documents):
    return [(d["metadata"]["name"], d["spec"]["template"]) for d in documents if d["kind"] in ("Deployment", "Job")]


def check_pods(findings, documents):
    """The restricted pod security standard, resources, and files only where they may be written."""
    for name, template in pods(documents):
        spec = template["spec"]
        security = spec.get("securityContext", {})
        findings.expect(security.get("runAsNonRoot") is True and security.get("runAsUser", 0) >= 10000, f"{name} may run as root")
        findings.expect(security.get("seccompProfile", {}).get("type") == "RuntimeDefault", f"{name} has no seccomp profile")
        findings.expect(spec.get("automountServiceAccountToken") is False, f"{name} carries a cluster token")
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        for container in spec.get("initContainers", []) + spec["containers"]:
            where = f"{name}/{container['name']}"
            inner = container.get("securityContext", {})
            findings.expect(inner.get("allowPrivilegeEscalation") is False, f"{where} may gain privileges")
            findings.expect(inner.get("readOnlyRootFilesystem") is True, f"{where} may write anywhere")
            findings.expect(inner.get("capabilities", {}).get("drop") == ["ALL"], f"{where} keeps capabilities")
            findings.expect("memory" in container.get("resources", {}).get("limits", {}), f"{where} has no memory limit")
            findings.expect(not container["image"].endswith(":latest") and ":" in container["image"], f"{where} runs {container['image']}")
            for mount in container.get("volumeMounts", []):
                volume = volumes.get(mount["name"])
                findings.expect(volume is not None, f"{where} mounts {mount['name']}, which no volume is")
                findings.expect(volume is None or "hostPath" not in volume, f"{where} reaches the host's files")
            for variable in container.get("env", []):
                findings.expect("SECRET" not in variable["name"] and not str(variable.get("value", "")).startswith("postgres"), f"{where} has a secret in plain sight")


def check_shape(findings, documents, values):
    """What each release holds, and how its parts find each other."""
    kinds = {}
    for document in documents:
        kinds.setdefault(document["kind"], []).append(document)
    deployments = {d["metadata"]["name"]: d for d in kinds["Deployment"]}
    wanted = {"countersign-server", "countersign-workers"} | ({"countersign-watchdog"} if values.get("watchdog") else set())
    findings.expect(set(deployments) == wanted, f"the deployments are {sorted(deployments)}")
    for name, deployment in deployments.items():
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        selector = deployment["spec"]["selector"]["matchLabels"]
        findings.expect(selector.items() <= labels.items(), f"{name} does not select its own pods")
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        if name == "countersign-watchdog":
            # It has no port; whoever expects its call notices when it is gone. Two of it would call twice.
            findings.expect(deployment["spec"]["replicas"] == 1, "there are several watchdogs")
            continue
        findings.expect(container["readinessProbe"]["httpGet"]["path"] == "/readyz", f"{name} is ready without being asked")
        findings.expect(container["livenessProbe"]["httpGet"]["path"] == "/healthz", f"{name} is alive without being asked")
    services = kinds["Service"]
    web = [s for s in services if s["metadata"]["name"] == "countersign"][0]
    web_labels = deployments["countersign-server"]["spec"]["template"]["metadata"]["labels"]
    worker_labels = deployments["countersign-workers"]["spec"]["template"]["metadata"]["labels"]
    findings.expect(web["spec"]["selector"].items() <= web_labels.items(), "the service does not find the server")
    findings.expect(not web["spec"]["selector"].items() <= worker_labels.items(), "the service sends people to the workers' hosts")
    job = kinds["Job"][0]
    findings.expect("pre-install" in job["metadata"]["annotations"]["helm.sh/hook"], "the migration is no hook before the installation")
    findings.expect(job["spec"]["template"]["spec"]["containers"][0]["args"][0] == "migrate", "the migration does not migrate")
    findings.expect(len(kinds["ServiceAccount"]) == 1 and kinds["ServiceAccount"][0]["automountServiceAccountToken"] is False, "the account carries a token")
    findings.expect("Secret" not in kinds, "the chart makes a Secret; it may only refer to one")


def check_reach(findings, documents, values):
    """Only the workers' hosts reach the world, and nobody reaches private networks by a public rule."""
    policies = {d["metadata"]["name"]: d["spec"] for d in documents if d["kind"] == "NetworkPolicy"}
    if not values.get("networkPolicy", {}).get("enabled", True):
        findings.expect(not policies, "policies exist although they are switched off")
        return
    deny = policies["countersign-deny"]
    findings.expect(set(deny) == {"podSelector", "policyTypes"} and len(deny["policyTypes"]) == 2, "the default is not to deny")
    for name, spec in policies.items():
        for rule in spec.get("ingress", []):
            findings.expect(bool(rule.get("from")), f"{name} lets everyone in")
        for rule in spec.get("egress", []):
            findings.expect(bool(rule.get("to")) and bool(rule.get("ports")), f"{name} lets everything out")
            blocks = [peer["ipBlock"] for peer in rule["to"] if "ipBlock" in peer]
            for block in blocks:
                findings.expect(name in ("countersign-workers", "countersign-watchdog"), f"{name} reaches networks outside the cluster")
                if block["cidr"] == "0.0.0.0/0":
                    findings.expect("169.254.0.0/16" in block.get("except", []), f"{name} reaches the host's metadata")


def check_monitoring(findings, documents, values):
    wanted = values.get("monitoring", {})
    rules = [d for d in documents if d["kind"] == "PrometheusRule"]
    monitors = [d for d in documents if d["kind"] == "ServiceMonitor"]
    findings.expect(bool(rules) == wanted.get("rules", {}).get("enabled", False), "the alert rules are not as asked")
    findings.expect(bool(monitors) == wanted.get("serviceMonitor", {}).get("enabled", False), "the monitor is not as asked")
    for rule in [rule for d in rules for group in d["spec"]["groups"] for rule in group["rules"]]:
        findings.expect(set(rule) <= {"alert", "expr", "for", "labels", "annotations"}, f"{rule.get('alert')} has unknown members")
        findings.expect(rule["alert"] in RUNBOOKS, f"{rule['alert']} has no runbook")
        findings.expect(rule["annotations"]["runbook_url"].endswith(f"/{rule['alert']}.md"), f"{rule['alert']} names another runbook")
        findings.expect(rule["expr"].count("(") == rule["expr"].count(")"), f"{rule['alert']} has an expression that does not close")
    if rules:
        named = {rule["alert"] for d in rules for group in d["spec"]["groups"] for rule in group["rules"]}
        findings.expect(named == RUNBOOKS, f"runbooks without a rule: {sorted(RUNBOOKS - named)}")


def check_schemas(findings, documents, validate):
    count = 0
    for version in KUBERNETES:
        for document in documents:
            if document["kind"] in CUSTOM:
                continue
            try:
                validate.validate(document, version, strict=True)
                count += 1
            except Exception as error:  # noqa: BLE001 - every kind of complaint is a finding
                findings.append(f"{findings.label}: {document['kind']} {document['metadata']['name']} for {version}: {getattr(error, 'message', error)}")
    return count


def check_mistakes(findings, helm, chart, documents, validate):
    """The check itself has to notice mistakes, or its silence means nothing."""
    for mistake, values in REFUSED.items():
        try:
            chart.validate_schema(values)
            chart.render(values, name="countersign", namespace="finance")
            findings.append(f"{findings.label}: {mistake} is accepted")
        except helm.HelmError:
            pass
    deployment = copy.deepcopy(next(d for d in documents if d["kind"] == "Deployment"))
    deployment["spec"]["selectr"] = deployment["spec"].pop("selector")
    for version in KUBERNETES:
        try:
            validate.validate(deployment, version, strict=True)
            findings.append(f"{findings.label}: a misspelt field passes for {version}")
        except Exception:  # noqa: BLE001
            pass


def main() -> int:
    try:
        import helm_python as helm
        import kubernetes_validate as validate
        import yaml
    except ImportError as missing:
        print(f"chart: 0 checks, {len(SETS)} sets of values skipped ({missing.name} is not installed)")
        return 0
    everything = []
    judged = 0
    with_values = {}
    chart = helm.Chart.load(CHART)
    for label, values in SETS.items():
        findings = Findings(label)
        documents = with_values[label] = render(helm, yaml, chart, values)
        for version in KUBERNETES:
            report = helm.lint(CHART, values, strict=True, namespace="finance", kube_version=f"v{version}.0")
            findings += [f"{label}: lint for {version}: {m['path']}: {m['error']}" for m in report["messages"] if m["severity"] >= 2]
            findings += [f"{label}: lint for {version}: {error}" for error in report["errors"]]
        judged += check_schemas(findings, documents, validate)
        check_pods(findings, documents)
        check_shape(findings, documents, values)
        check_reach(findings, documents, values)
        check_monitoring(findings, documents, values)
        everything += findings
    findings = Findings("mistakes")
    check_mistakes(findings, helm, chart, with_values["small"], validate)
    everything += findings
    for finding in everything:
        print(finding)
    sets = ", ".join(f"{label} {len(documents)}" for label, documents in with_values.items())
    print(f"chart: {judged} manifests judged for Kubernetes {' and '.join(KUBERNETES)} ({sets} documents), {len(REFUSED) + len(KUBERNETES)} mistakes tried, {len(everything)} findings")
    return 1 if everything else 0


if __name__ == "__main__":
    sys.exit(main())
