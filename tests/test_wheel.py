"""The wheel, as a stranger gets it: built from a copy of this tree, installed far from it, run from elsewhere.

Needs uv (a development dependency) and, for what uv's cache does not hold, the package index that uv is set to. The
copy holds what git tracks and what it would track (new files that .gitignore does not name).
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("ledger", "api", "scanners", "migrations")
UV = Path(sys.executable).with_name("uv")
WITHIN_S = 240


class Installed:
    """An environment with the wheel in it; commands run in `elsewhere`, which knows nothing of the checkout."""

    def __init__(self, folder: Path) -> None:
        self.copy, self.elsewhere, self.bin = folder / "copy", folder / "elsewhere", folder / "env" / "bin"
        self.elsewhere.mkdir()

    def run(self, command: str, *arguments: str, cwd: Path | None = None) -> str:
        """What it says on standard output; it must succeed. Should it hang, it goes with all that it started."""
        path = UV if command == "uv" else self.bin / command
        with subprocess.Popen(
            [str(path), *arguments],
            cwd=cwd or self.elsewhere,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                out, complaint = process.communicate(timeout=WITHIN_S)
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        assert process.returncode == 0, f"{command} {arguments}: {process.returncode}\n{out}\n{complaint}"
        return out


def _environment() -> dict[str, str]:
    """Ours, without what points to the checkout or to a database."""
    ours = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT"}
    kept = {name: value for name, value in os.environ.items() if name not in ours and not name.startswith("LEDGER_")}
    return kept | {"UV_PYTHON_DOWNLOADS": "never", "UV_LINK_MODE": "copy"}


def _files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    return [name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def installed() -> Iterator[Installed]:
    if not UV.exists() or not (ROOT / ".git").exists():
        pytest.skip("needs uv beside Python, and a git checkout")
    folder = Path(tempfile.mkdtemp(prefix="ledger-wheel-"))  # in no one's home, so that the database's user may pass
    try:
        made = Installed(folder)
        for name in _files():
            (made.copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, made.copy / name)
        # What builds it is installed here already; nothing is fetched for the build.
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-t", "wheel"], cwd=made.copy, capture_output=True, check=True
        )
        (wheel,) = (made.copy / "dist").glob("*.whl")
        locked = folder / "locked.txt"
        quiet = ("--quiet", "--no-config")
        made.run("uv", "export", *quiet, "--frozen", "--no-dev", "--no-emit-project", "-o", str(locked), cwd=made.copy)
        made.run("uv", "venv", *quiet, "--python", sys.executable, str(made.bin.parent))
        into = ("--python", str(made.bin / "python"))
        made.run("uv", "pip", "install", *quiet, *into, "--require-hashes", "-r", str(locked))
        made.run("uv", "pip", "install", *quiet, *into, "--no-deps", "--offline", str(wheel))
        shutil.rmtree(made.copy / "dist")
        yield made
    finally:
        shutil.rmtree(folder)


def test_every_file_of_the_packages_is_in_the_wheel(installed: Installed) -> None:
    where = installed.run("python", "-c", "import ledger, api; print(*ledger.__path__, *api.__path__)").split()
    site = Path(where[0]).parent
    assert site.is_relative_to(installed.bin.parent)
    shipped = [name for name in _copied(installed.copy) if Path(name).parts[0] in PACKAGES]
    assert any(name.startswith("api/static/") for name in shipped)
    assert any(name.startswith("migrations/versions/") for name in shipped)
    assert "ledger/packs/cn.toml" in shipped
    for name in shipped:
        assert (site / name).read_bytes() == (installed.copy / name).read_bytes(), name


def test_the_commands_start(installed: Installed) -> None:
    assert "serve" in installed.run("ledger", "--help")
    assert "simulate" in installed.run("station", "--help")


def test_it_migrates_a_database_of_its_own(installed: Installed) -> None:
    data = installed.elsewhere / "data"
    installed.run("ledger", "migrate", "--data", str(data))
    ask = (
        "import sys, pathlib, psycopg\n"
        "from ledger.store.embedded import EmbeddedServer\n"
        "with EmbeddedServer(pathlib.Path(sys.argv[1])) as server:\n"
        "    with psycopg.connect(server.url('ledger')) as connection:\n"
        "        print(connection.execute('SELECT count(*) FROM entry').fetchone()[0])\n"
    )
    assert installed.run("python", "-c", ask, str(data)) == "0\n"


def test_packs_and_documentation_are_there(installed: Installed) -> None:
    ask = (
        "from importlib.resources import files\n"
        "from api.packs import shipped_pack\n"
        "print(shipped_pack('320600').name, (files('api.static') / 'swagger' / 'swagger-ui-bundle.js').is_file())\n"
    )
    assert installed.run("python", "-c", ask) == "320600 True\n"


def test_the_demo_runs(installed: Installed) -> None:
    *_, last = installed.run("ledger", "demo", "--once", "--seed", "3").splitlines()
    told = json.loads(last)
    assert (told["audit"], told["missed"], told["wrongly_refused"]) == ("ok", [], [])


def _copied(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
