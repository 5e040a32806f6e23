#!/usr/bin/env python3
"""Reads the Dockerfile as the builder would and checks what a build would only find out after ten minutes.

Needs the package dockerfile-parse; without it the check is skipped and counted.
"""

import fnmatch
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = {"countersignd", "countersign", "countersign-worker", "countersign-reader", "countersign-launch"}
RUNTIME_PACKAGES = {
    "ca-certificates", "fonts-inter", "libcurl4", "libpq5", "libssl3", "libxml2", "poppler-utils", "tzdata", "weasyprint",
}
BUILD_PACKAGES = {"libcurl4-openssl-dev", "libpq-dev", "libssl-dev", "libxml2-dev", "pkg-config"}


class Findings(list):
    def expect(self, claim: bool, sentence: str) -> None:
        if not claim:
            self.append(sentence)


def stages(structure):
    """The instructions of each stage, by the stage's name."""
    found, name = {}, None
    for step in structure:
        if step["instruction"] == "FROM":
            words = step["value"].split()
            name = words[2] if len(words) == 3 and words[1].upper() == "AS" else f"stage {len(found)}"
            found[name] = [step]
        elif name:
            found[name].append(step)
    return found


def values(steps, instruction):
    return [step["value"] for step in steps if step["instruction"] == instruction]


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps the top-level path out of the build context."""
    verdict = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#") or "/" in pattern.strip("!/"):
            continue
        if fnmatch.fnmatch(path, pattern.lstrip("!")):
            verdict = not pattern.startswith("!")
    return verdict


def check_copies(findings, found):
    """Every source of a COPY is in the tree and in the context, or comes from an earlier stage."""
    seen = []
    for name, steps in found.items():
        for value in values(steps, "COPY"):
            words = value.split()
            options = [word for word in words if word.startswith("--")]
            sources = [word for word in words if not word.startswith("--")][:-1]
            origin = next((word.split("=", 1)[1] for word in options if word.startswith("--from=")), None)
            if origin:
                findings.expect(origin in seen, f"COPY --from={origin} in {name}: no earlier stage has that name")
                continue
            for source in sources:
                matches = [path for path in ROOT.glob(source) if not ignored(path.relative_to(ROOT).parts[0])]
                findings.expect(bool(matches), f"COPY {source} in {name}: nothing in the build context matches")
        seen.append(name)


def check_runtime(findings, steps):
    runs = " ".join(values(steps, "RUN"))
    for package in RUNTIME_PACKAGES:
        findings.expect(package in runs.split(), f"the image does not install {package}")
    for package in BUILD_PACKAGES | {"swift"}:
        findings.expect(package not in runs.split(), f"the image installs {package}, which belongs to the build")
    users = values(steps, "USER")
    findings.expect(bool(users) and users[-1].split(":")[0].isdigit() and int(users[-1].split(":")[0]) >= 10000, "the image runs as root")
    findings.expect(len(values(steps, "HEALTHCHECK")) == 1, "the image has no single HEALTHCHECK")
    for instruction in ("ENTRYPOINT", "CMD"):
        try:
            form = json.loads(values(steps, instruction)[-1])
            findings.expect(isinstance(form, list), f"{instruction} is no list")
        except (IndexError, ValueError):
            findings.append(f"{instruction} is missing or no JSON list, so signals would end in a shell")
    health = values(steps, "HEALTHCHECK")
    if health:
        try:
            json.loads(health[0][health[0].index("CMD") + 3:])
        except ValueError as error:
            findings.append(f"HEALTHCHECK is no JSON list: {error}")


def check_build(findings, steps):
    runs = " ".join(values(steps, "RUN"))
    words = set(runs.replace(";", " ").split())
    for package in BUILD_PACKAGES:
        findings.expect(package in words, f"the build stage does not install {package}")
    for program in PROGRAMS:
        findings.expect(program in words, f"the build stage does not build {program}")
    findings.expect("--static-swift-stdlib" in words, "the programs would need the toolchain's libraries at run time")
    findings.expect(".resources" in runs, "the resource bundles are not carried along")


def main() -> int:
    try:
        from dockerfile_parse import DockerfileParser
    except ImportError:
        print("image: 0 checks, 1 skipped (the Python package dockerfile-parse is not installed)")
        return 0
    with open(ROOT / "Dockerfile", "rb") as file:
        structure = DockerfileParser(fileobj=file).structure
    structure = [step for step in structure if step["instruction"] != "COMMENT"]
    findings = Findings()
    found = stages(structure)
    findings.expect(list(found) == ["build", "runtime"], f"the stages are {list(found)}")
    if not findings:
        check_copies(findings, found)
        check_build(findings, found["build"])
        check_runtime(findings, found["runtime"])
    for finding in findings:
        print(f"Dockerfile: {finding}")
    print(f"image: {len(structure)} instructions read, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
