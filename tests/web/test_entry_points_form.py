"""The page of a module with several entry points: one is chosen, and its values make the texts to copy."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from bot.web.app import create_web
from pictures.catalogue import Nobody, Sample
from tests.ci.several import INFER, TRAIN
from tests.web.conftest import SETTINGS
from tests.web.forms import Form

FILES = {
    "train.py": TRAIN,
    "infer.py": INFER,
    "requirements.txt": "numpy==2.3.5\n",
    ".mlreef.yaml": "name: Forest\nentry_points:\n  train: train.py\n  infer: infer.py\n",
}
PAGE = "/modules/lab/forest"
GIVEN = "p.entry-point=infer&p.infer-input-path=new&p.infer-model=model.bin"


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    shelf = Sample()
    shelf.add("lab/forest", {"1.0.0": FILES}, days=1)
    return create_web(shelf, Nobody(), SETTINGS).test_client()


def test_the_first_field_asks_which_one_is_to_run(client: FlaskClient) -> None:
    page = client.get(PAGE).text
    form = Form(page)
    assert next(iter(form.controls)) == "entry-point"
    assert form.controls["entry-point"].options == ("", "train", "infer")
    assert "Still to fill in, or to mend: entry-point." in page
    assert "<h3>train</h3>" in page
    assert "<h3>infer</h3>" in page


def test_what_the_chosen_one_needs_is_named_and_the_other_is_folded_away(client: FlaskClient) -> None:
    page = client.get(f"{PAGE}?p.entry-point=infer").text
    assert "Still to fill in, or to mend: infer --input-path, infer --model." in page
    assert "<details><summary>train</summary>" in page
    assert "<h3>infer</h3>" in page


def test_its_values_make_the_lines_to_copy(client: FlaskClient) -> None:
    page = client.get(f"{PAGE}?{GIVEN}").text
    assert Form(page).inputs == {
        "entry-point": "infer",
        "infer-input-path": "new",
        "infer-model": "model.bin",
    }
    assert "infer --input-path=new --output-path=output --model=model.bin" in page
    assert "entry: infer" in page


def test_a_value_of_the_other_one_is_refused_at_its_field_which_is_seen(client: FlaskClient) -> None:
    page = client.get(f"{PAGE}?{GIVEN}&p.train-epochs=5").text
    assert "<details open><summary>train</summary>" in page
    assert "It belongs to the entry point" in page
    assert "train-epochs" not in str(Form(page).inputs)


def test_what_get_params_declares_is_in_the_form_with_its_type_default_and_choices() -> None:
    sample = Path(__file__).parents[2] / "samples" / "mlopen-iris"
    shelf = Sample()
    shelf.add(
        "lab/iris",
        {"1.0.0": {path.name: path.read_text() for path in sample.iterdir() if path.is_file()}},
        days=1,
    )
    client = create_web(shelf, Nobody(), SETTINGS).test_client()
    bundle = f"learnt.mlopen@sha256:{'0' * 64}"
    asked = f"/modules/lab/iris?p.entry-point=run&p.run-input-path=new.csv&p.run-model={bundle}&p.run-k="
    page = client.get(f"{asked}7&p.run-weights=nearness").text
    form = Form(page)
    assert form.controls["entry-point"].options == ("", "train", "run")
    assert {"train-input-path", "run-input-path", "run-model", "run-k", "run-weights"} <= set(form.controls)
    assert {"same", "nearness"} <= set(form.controls["run-weights"].options)
    words = f"run --input-path=new.csv --model={bundle} --output-path=output --k=7 --weights=nearness"
    assert words in " ".join(page.replace("\\\n", " ").split())
    assert "is no whole number." in client.get(f"{asked}many").text
