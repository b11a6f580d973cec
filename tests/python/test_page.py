"""The page, the help and the types."""

import pathlib
import pydoc
import re
import subprocess
import sys

import numpy
import pytest
import sda
from conftest import SOURCE

PAGE = (SOURCE / "docs" / "python.md").read_text()


def test_the_ten_lines_of_the_page(tmp_path, monkeypatch, program):
    monkeypatch.chdir(tmp_path)
    code = re.search(r"```python\n(.*?)```", PAGE, re.S)[1]
    lines = [line for line in code.splitlines() if line and not line.startswith("import")]
    assert len(lines) <= 10
    names = {}
    exec(code.replace("epochs=256", "epochs=2").replace("members=64", "members=3"), names)
    assert names["posterior"].sizes == {"time": 65, "realization": 3}
    assert "posterior" in program("inspect", "posterior.nc", folder=tmp_path)


def test_help_reads_like_a_page():
    text = pydoc.render_doc(sda, renderer=pydoc.plaintext)
    assert "posterior trajectories" in text[:400]
    for name in sda.__all__:
        thing = getattr(sda, name)
        assert name in sda.__doc__ or isinstance(thing, type), name
        assert thing.__doc__ and len(thing.__doc__) > 20, name


def test_every_function_says_what_it_takes():
    for thing in (
        sda.simulate,
        sda.train,
        sda.trajectories,
        sda.Prior.assimilate,
        sda.Observations.draw,
        sda.evaluate,
        sda.calibrate,
        sda.particle_filter,
    ):
        code = thing.__func__.__code__ if hasattr(thing, "__func__") else thing.__code__
        arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        for name in arguments:
            if name not in ("self", "cls", "progress"):
                assert re.search(rf"\b{name}\b", thing.__doc__), (thing.__name__, name)


def test_types_hold():
    pytest.importorskip("mypy")
    package = pathlib.Path(sda.__file__).resolve().parent
    found = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            f"--config-file={SOURCE / 'pyproject.toml'}",
            "--no-incremental",
            "--cache-dir=/dev/null",
            str(package),
        ],
        text=True,
        capture_output=True,
    )
    assert found.returncode == 0, found.stdout
    assert (package / "py.typed").exists()


def test_no_line_is_too_long():
    for path in [*(SOURCE / "python").rglob("*.py*"), *(SOURCE / "tests" / "python").glob("*.py")]:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            assert len(line) <= 120, f"{path}:{number}"


def test_calibration_of_a_prior(prior):
    found = sda.calibrate(
        prior,
        [{"every": 8}, {"select": [0]}],
        error=0.05,
        length=17,
        trajectories=3,
        members=4,
        config={"sampler.steps": 8, "simulation.spin_up": 16, "filter.particles": 64},
    )
    assert 0 <= found["coverage50"][0] <= 1 and found["coverage50"][1] > 0
    assert len(found["rank_shares"]) == 10 and numpy.sum(found["rank_shares"]) == pytest.approx(1)
