"""What an image says of its base is enough to build upon the same base again, without asking for it."""

from __future__ import annotations

import json
import string

from hypothesis import given
from hypothesis import strategies as st

from bot.layers.image import Dress, Ground, read_known, write_picture
from bot.layers.labels import BASE_DIGEST_LABEL
from bot.layers.values import Layer

DIGEST = f"sha256:{'a' * 64}"
names = st.sampled_from(["PATH", "HOME", "LANG", "GPG_KEY", "PYTHONUNBUFFERED", "A"])
values = st.text(string.printable, max_size=12)
environments = st.dictionaries(names, values, max_size=5)


def layer(number: int) -> Layer:
    return Layer(
        f"sha256:{number:064x}",
        number,
        f"sha256:{number + 100:064x}",
        "base" if number < 2 else f"layer {number}",
    )


@given(
    environments,
    environments,
    environments,
    st.sampled_from([DIGEST, f"sha256:{'b' * 64}", ""]),
    st.booleans(),
)
def test_an_image_read_again_stands_on_the_ground_it_was_written_on(
    base: dict[str, str], operators: dict[str, str], authors: dict[str, str], told: str, bytecode: bool
) -> None:
    pairs = tuple(f"{name}={value}" for name, value in base.items())
    ground = Ground(
        DIGEST, {"architecture": "amd64", "os": "linux"}, pairs, {"StopSignal": "SIGINT"}, bytecode
    )
    labels = {"io.mlreef.lock": DIGEST} | ({BASE_DIGEST_LABEL: told} if told else {})
    dress = Dress(("/app/main.py",), operators, authors, labels, "1970-01-01T00:00:00Z")
    layers = [layer(number) for number in range(5)]
    picture = write_picture(ground, layers[:2], layers[2:], dress)
    known = read_known(picture.manifest, picture.config)
    assert known is not None
    assert known.ground == ground
    assert [*known.base, known.foundation, *known.wheels, known.sources] == layers
    again = write_picture(known.ground, known.base, (known.foundation, *known.wheels, known.sources), dress)
    assert again == picture


def test_a_value_that_the_image_has_as_well_is_sent_once() -> None:
    secretless = "GPG_KEY=" + "7" * 40
    ground = Ground(DIGEST, {"architecture": "amd64", "os": "linux"}, (secretless, "PATH=/usr/bin"))
    labels = {"io.mlreef.lock": DIGEST, BASE_DIGEST_LABEL: DIGEST}
    dress = Dress(("/app/main.py",), {}, {}, labels, "1970-01-01T00:00:00Z")
    config = write_picture(ground, [layer(0)], [layer(1), layer(2)], dress).config
    assert config.count(b"7" * 40) == 1
    about = json.loads(json.loads(config)["config"]["Labels"]["io.mlreef.base"])
    assert about["env"] == ["GPG_KEY", "PATH"]
    assert "digest" not in about
