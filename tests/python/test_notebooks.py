"""The notebooks of docs/ run, and show pictures."""

import os
import pathlib

import pytest
from conftest import SOURCE

nbformat = pytest.importorskip("nbformat")
preprocessors = pytest.importorskip("nbconvert.preprocessors")
pytest.importorskip("ipykernel")
pytest.importorskip("matplotlib")
FOLDER = SOURCE / "docs" / "notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))


def test_there_are_six():
    assert len(NAMES) == 6


@pytest.mark.parametrize("name", NAMES)
def test_notebook_runs(name, monkeypatch):
    if name in ("torch_operator", "denoiser"):
        pytest.importorskip("torch")
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the kernel's own draws into the notebook
    path = FOLDER / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in shown), "the notebook is kept without its picture"
    preprocessors.ExecutePreprocessor(timeout=280).preprocess(notebook, {"metadata": {"path": str(FOLDER)}})
    found = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in found)


def test_notebooks_are_small():
    for name in NAMES:
        assert os.path.getsize(pathlib.Path(FOLDER) / f"{name}.ipynb") < 400_000
