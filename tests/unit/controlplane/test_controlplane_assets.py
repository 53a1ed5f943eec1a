"""Where the programs come from: provided, cached, built; and what is said when they do not."""

import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.controlplane import assets, build
from tests.controlplane.assets import MODULE, PROGRAMS, Assets, Missing
from tests.controlplane.build import find_assets, kubernetes_version

GO = """\
#!/bin/sh
echo "$1" >> {calls}
case "$1" in
  version) echo "go version {version} linux/amd64" ;;
  list)
    {fetch}
    printf 'go: downloading example.test/a v1\\nexample.test/a\\nexample.test/b\\n' ;;
  build)
    {build}
    while [ "$1" != -o ]; do shift; done
    for name in controlplane kwok; do
      printf '#!/bin/sh\\n' > "$2$name" && chmod +x "$2$name"
    done ;;
esac
"""


class Machine:
    """A home folder and a PATH whose `go` only pretends to compile."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.calls = folder / "calls"
        self.cache = folder / "cache"
        self.said: list[str] = []
        self.bin.mkdir()
        self.environ = {"PATH": f"{self.bin}:/usr/bin:/bin", "XDG_CACHE_HOME": str(self.cache)}

    def install_go(self, version: str = "go1.26.1", build: str = ":", fetch: str = ":") -> None:
        script = self.bin / "go"
        script.write_text(GO.format(calls=self.calls, version=version, build=build, fetch=fetch))
        script.chmod(0o755)

    def find(self, *, build: bool) -> Assets | Missing:
        return find_assets(build, environ=self.environ, say=self.said.append)

    def builds(self) -> int:
        return self.calls.read_text().split().count("build") if self.calls.exists() else 0

    def left_over(self) -> list[str]:
        root = assets.cache_root(self.environ)
        return [file.name for file in root.iterdir() if file.name != "build.lock"]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr(build, "PLACES", ())
    monkeypatch.setattr(build, "PAUSES", (0.0, 0.0))
    return Machine(tmp_path)


def programs(folder: Path, names: tuple[str, ...]) -> Path:
    folder.mkdir()
    for name in names:
        (folder / name).touch(mode=0o755)
    return folder


def reason(found: Assets | Missing) -> str:
    assert isinstance(found, Missing)
    return found.reason


def test_provided_programs_are_taken_and_nothing_is_built(machine: Machine, tmp_path: Path):
    machine.install_go()
    folder = programs(tmp_path / "provided", PROGRAMS)
    machine.environ["KUBEBUILDER_ASSETS"] = str(folder)
    assert machine.find(build=True) == Assets(folder)
    assert machine.builds() == 0


def test_what_provided_programs_lack_is_named(machine: Machine, tmp_path: Path):
    folder = programs(tmp_path / "provided", ("etcd", "kube-apiserver", "kubectl"))
    machine.environ["KUBEBUILDER_ASSETS"] = str(folder)
    said = reason(machine.find(build=True))
    assert "lacks kube-controller-manager, kube-scheduler, kwok" in said
    assert "unset it" in said


def test_program_that_cannot_be_executed_counts_as_lacking(machine: Machine, tmp_path: Path):
    folder = programs(tmp_path / "provided", PROGRAMS)
    (folder / "kwok").chmod(stat.S_IRUSR)
    (folder / "etcd").unlink()
    (folder / "etcd").symlink_to("nowhere")
    machine.environ["KUBEBUILDER_ASSETS"] = str(folder)
    assert "etcd" in reason(machine.find(build=False))


def test_without_go_and_programs_the_reason_says_what_to_install(machine: Machine):
    assert "install Go 1.26" in reason(machine.find(build=True))


def test_old_go_is_refused_by_its_version(machine: Machine):
    machine.install_go(version="go1.25.4")
    assert "is go1.25.4, too old" in reason(machine.find(build=True))


def test_nothing_is_built_unless_asked(machine: Machine):
    machine.install_go()
    assert "make controlplane" in reason(machine.find(build=False))
    assert machine.builds() == 0


def test_build_is_made_once_and_holds_every_program(machine: Machine):
    machine.install_go()
    found = machine.find(build=True)
    assert isinstance(found, Assets)
    assert assets.absent(found.folder) == ()
    assert found.program("kubectl").readlink() == Path("controlplane")
    assert machine.find(build=True) == machine.find(build=False) == found
    assert machine.builds() == 1
    assert machine.left_over() == [found.folder.name]
    assert "Kubernetes v" in machine.said[0]
    assert machine.said[-1].startswith("built in ")


def test_a_download_that_fails_for_a_moment_is_tried_again(machine: Machine):
    gone = "if [ $(grep -c list {calls}) -lt {times} ]; then echo 'proxy: EOF'; exit 1; fi"
    machine.install_go(fetch=gone.format(calls=machine.calls, times=3))
    assert isinstance(machine.find(build=True), Assets)
    assert any("proxy: EOF" in said and "again in" in said for said in machine.said)


def test_a_download_that_goes_on_failing_is_the_reason(machine: Machine):
    machine.install_go(fetch="echo 'proxy: EOF'; exit 1")
    assert "proxy: EOF" in reason(machine.find(build=True))
    assert machine.builds() == 0


def test_another_go_builds_anew(machine: Machine):
    machine.install_go()
    first = machine.find(build=True)
    machine.install_go(version="go1.27.0")
    assert machine.find(build=True) != first
    assert machine.builds() == 2


def test_earlier_build_serves_a_machine_that_lost_its_go(machine: Machine):
    machine.install_go()
    found = machine.find(build=True)
    (machine.bin / "go").unlink()
    assert machine.find(build=False) == found


def test_failed_build_shows_the_compilers_words_and_leaves_nothing(machine: Machine):
    machine.install_go(build="echo '# example.test/a'; echo 'a.go:1:2: undefined: x'; exit 1")
    said = reason(machine.find(build=True))
    assert "a.go:1:2: undefined: x" in said
    assert machine.left_over() == []


def test_builds_at_the_same_time_make_one(machine: Machine, tmp_path: Path):
    machine.install_go(build="sleep 0.5")
    script = "from tests.controlplane.build import main; raise SystemExit(main())"
    root = MODULE.parents[2]
    command = [sys.executable, "-c", script]
    runs = [
        subprocess.Popen(
            command,
            cwd=root,
            env=machine.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    answers = [run.communicate(timeout=30) for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert answers[0][0] == answers[1][0]
    assert machine.builds() == 1
    assert sum("another build" in errors for _, errors in answers) == 1


def test_hash_follows_every_source(tmp_path: Path):
    copy = tmp_path / "go"
    shutil.copytree(MODULE, copy)
    original = assets.sources_hash(copy)
    assert original == assets.sources_hash(MODULE)
    seen = {original}
    for file in ("go.mod", "go.sum", "cmd/kwok/main.go", "cmd/controlplane/main.go"):
        with (copy / file).open("a") as appended:
            appended.write("\n")
        seen.add(assets.sources_hash(copy))
    (copy / "cmd/kwok/main.go").rename(copy / "cmd/kwok/other.go")
    seen.add(assets.sources_hash(copy))
    assert len(seen) == 6


def test_cache_is_the_users(tmp_path: Path):
    own = assets.cache_root({"XDG_CACHE_HOME": str(tmp_path)})
    assert own == tmp_path / "watermark-autoscaler" / "controlplane"
    assert assets.cache_root({"HOME": str(tmp_path)}).is_relative_to(tmp_path / ".cache")


def test_version_is_the_one_go_mod_requires():
    go_mod = (MODULE / "go.mod").read_text()
    version = kubernetes_version(go_mod)
    # Server and staging modules must be of one release.
    staging = {line.split()[-1] for line in go_mod.splitlines() if " => " in line}
    assert staging == {version.replace("v1.", "v0.", 1)}
