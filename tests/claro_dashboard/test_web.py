"""How the web process starts, or refuses to."""

import os
import subprocess
import sys

import pytest

from claro_dashboard import web
from claro_dashboard.run import ROOT

OURS = {"PATH": os.environ["PATH"]}


@pytest.mark.parametrize("module", ["claro_dashboard.web", "claro_dashboard.run"])
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "claro.example.com"])
def test_the_settings_of_a_laptop_are_served_to_no_other_machine(tmp_path, module, host):
    environment = OURS | {"HOST": host, "VAR_DIR": str(tmp_path)}
    command = [sys.executable, "-m", module]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    [sentence] = (done.stdout + done.stderr).splitlines()
    assert done.returncode == 1
    assert sentence.startswith(f"HOST={host} accepts other machines, but DEBUG is not set")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "environment",
    [{}, {"HOST": ""}, {"HOST": "localhost"}, {"HOST": "127.0.0.2"}, {"HOST": "::1"}]
    + [{"HOST": "0.0.0.0", "DEBUG": debug} for debug in ("0", "1")],
)
def test_a_host_of_this_machine_or_a_choice_starts(monkeypatch, environment):
    for name in ("HOST", "DEBUG", "DEBUG_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    web.refuse_laptop_settings_for_others()
