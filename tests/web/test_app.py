"""The server as a program sees it: answers that are right, bad uploads answered for themselves."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from fastapi.testclient import TestClient
from PIL import Image

from her2bench.core.runs import ComparisonFolder
from her2bench.data.decoding.reading import read_tile
from her2bench.data.decoding.rgb import resized
from her2bench.prediction.ensemble import ensemble_prediction
from her2bench.prediction.forward import forward, probabilities
from her2bench.prediction.tile_loader import TileLoader
from her2bench.prediction.trained_networks import load_trained
from her2bench.web.app import create_app
from her2bench.web.service import opened_service
from her2bench.web.uploads import Limits

from .conftest import (
    INTERCEPT,
    ORIGIN,
    RUNS,
    SIZE,
    SLOPES,
    encoded,
    tile_path,
    write_run,
    write_tiles,
)
from .test_decoding import COLOURS, _frames, bomb


def post(client, *files, **query):
    parts = [("files", (name, data)) for name, data in files]
    return client.post("/predict", files=parts, params=query)


@pytest.mark.slow
def test_the_answer_is_what_the_networks_say(client, folder, tile):
    (answer,) = post(client, ("a.jpg", tile)).json()["tiles"]
    pixels = resized(read_tile(tile_path(folder)), SIZE)[None]
    for said in answer["models"]:
        seeds = [seed for model, seed in RUNS if model == said["model"]]
        logits, thresholds = [], []
        for seed in seeds:
            model, d = load_trained(folder.run(said["model"], seed, 0), torch.device("cpu"))
            logits.append(
                forward(
                    model, TileLoader(pixels, torch.device("cpu")), np.array([0]), d.preparation
                )
            )
            thresholds.append(d.threshold)
        logit, threshold = np.mean(logits), np.mean(thresholds)
        slope = np.mean([SLOPES[said["model"], seed] for seed in seeds])
        assert said["logit"] == pytest.approx(logit, abs=1e-5)
        assert said["runs"] == len(seeds) and said["calibrated"]
        expected = probabilities(INTERCEPT + slope * np.array([logit, threshold]))
        assert [said["probability"], said["threshold"]] == pytest.approx(expected, abs=1e-5)
        assert said["call"] == ("positive" if logit > threshold else "negative")
    assert [said["model"] for said in answer["models"]] == ["alexnet", "lenet"]
    assert [said["name"] for said in answer["models"]] == ["AlexNet", "LeNet"]
    calls = {said["call"] for said in answer["models"]}
    assert answer["agree"] == (len(calls) == 1)
    assert (answer["width"], answer["height"], answer["warnings"]) == (96, 96, [])


def test_pictures_only_when_asked_for(client, tile):
    (without,) = post(client, ("a.jpg", tile)).json()["tiles"]
    assert without["picture"] is None and without["models"][0]["heatmap"] is None
    (with_them,) = post(client, ("a.jpg", tile), pictures="true").json()["tiles"]
    kinds = [with_them["picture"], *(m["heatmap"] for m in with_them["models"])]
    for text in kinds:
        assert text.startswith("data:image/")
        Image.open(io.BytesIO(base64.b64decode(text.partition(",")[2]))).load()


def test_every_bad_upload_has_its_message_and_the_good_ones_their_answer(client, tile):
    files = [
        ("text.png", b"not a picture"),
        ("cut.jpg", tile[: len(tile) // 2]),
        ("bomb.png", bomb(30_000, 30_000)),
        ("moving.gif", _frames("GIF")),
        ("good.jpg", tile),
        ("empty.png", b""),
        ("cmyk.jpg", encoded(Image.new("CMYK", (96, 96), (10, 30, 40, 5)), "JPEG")),
        ("deep.png", encoded(Image.fromarray(COLOURS[..., 0].astype(np.uint16) * 257))),
        ("grey.png", encoded(COLOURS[..., 0])),
        ("clear.png", encoded(Image.fromarray(np.dstack([COLOURS, COLOURS[..., 0]])))),
    ]
    answer = post(client, *files)
    assert answer.status_code == 200
    tiles = {tile["name"]: tile for tile in answer.json()["tiles"]}
    assert list(tiles) == [name for name, _ in files]
    refused = {name for name, tile in tiles.items() if tile["error"]}
    assert refused == {"text.png", "cut.jpg", "bomb.png", "moving.gif", "empty.png"}
    assert "30,000 x 30,000" in tiles["bomb.png"]["error"]
    assert all(len(tiles[n]["models"]) == 2 for n in set(tiles) - refused)
    assert all(tiles[n]["notes"] for n in ("cmyk.jpg", "deep.png", "grey.png", "clear.png"))
    assert client.get("/healthz").json()["status"] == "ok"


def test_a_tile_is_judged_the_same_alone_and_among_others(client, tile):
    alone = post(client, ("a", tile)).json()["tiles"][0]["models"]
    among = post(client, *[(str(i), tile) for i in range(10)]).json()["tiles"]
    for answer in among:
        for one, other in zip(alone, answer["models"], strict=True):
            assert one["logit"] == pytest.approx(other["logit"], abs=1e-4)


@pytest.mark.slow
def test_200_files_at_once_and_one_more(client):
    small = encoded(np.full((8, 8, 3), 200, np.uint8))
    tiles = post(client, *[(f"{i}.png", small) for i in range(201)]).json()["tiles"]
    assert [t["error"] is None for t in tiles] == [True] * 200 + [False]
    assert "More than 200 files" in tiles[200]["error"]


def test_limits_of_bytes(client_with, tile):
    small = client_with(Limits(file_bytes=100, total_bytes=10_000))
    (answer,) = post(small, ("a.jpg", tile[:2000])).json()["tiles"]
    assert "larger than" in answer["error"]
    refused = post(small, *[(str(i), tile) for i in range(20)])
    assert refused.status_code == 413 and "error" in refused.json()


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{}", "application/json", 415),
        (b"", "multipart/form-data; boundary=x", 400),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x", 400),
        (b"--x--\r\n", "multipart/form-data; boundary=x", 422),
    ],
)
def test_bad_requests(client, content, kind, status):
    answer = client.post("/predict", content=content, headers={"content-type": kind})
    assert answer.status_code == status and answer.json()["error"]


def test_names_come_back_as_they_are_on_one_line(client, tile):
    name = "<script>alert(1)</script>.jpg"
    assert post(client, (name, tile)).json()["tiles"][0]["name"] == name


def test_a_page_of_another_site_gets_nothing(client, tile):
    refused = client.post(
        "/predict", files=[("files", ("a", tile))], headers={"origin": "https://evil.example"}
    )
    assert refused.status_code == 403


def test_pages(client):
    report = client.get("/")
    assert "<h1>Report</h1>" in report.text and 'href="try"' in report.text
    assert "sandbox" in report.headers["content-security-policy"]
    page = client.get("/try")
    assert "Research use only" in page.text and "equivocal" in page.text
    assert "Platt scaling" in page.text
    assert "AlexNet: 1" in page.text and "LeNet: 2" in page.text
    assert "<script>" not in page.text and " style=" not in page.text
    for name in ("try.js", "try.css"):
        assert client.get(f"/static/{name}").status_code == 200
    assert client.get("/static/app.py").status_code == 404
    assert client.get("/static/..%2fapp.py").status_code == 404
    for path in ("/docs", "/redoc"):
        assert client.get(path).status_code == 404


def test_no_page_names_an_address_elsewhere(client):
    for path in ("/try", "/static/try.js", "/static/try.css"):
        text = client.get(path).text.replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text and "https://" not in text


def test_the_interface_is_described(client):
    described = client.get("/openapi.json").json()
    predict = described["paths"]["/predict"]["post"]
    form = predict["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["properties"]["files"]["items"]["format"] == "binary"
    assert {"200", "400", "403", "408", "413", "415", "421", "422", "503"} <= set(
        predict["responses"]
    )
    assert "diagnosis" in described["info"]["description"]
    answer = described["components"]["schemas"]["TileAnswer"]["properties"]
    assert {"error", "models", "agree", "warnings"} <= set(answer)


def test_an_unfinished_comparison_shows_what_there_is(tmp_path, tile):
    folder = ComparisonFolder(tmp_path)
    assert opened_service(folder, torch.device("cpu")) is None
    client = TestClient(create_app(folder, None), base_url=ORIGIN)
    assert client.get("/").status_code == 404 and "her2bench report" in client.get("/").text
    assert "No network" in client.get("/try").text
    assert post(client, ("a", tile)).status_code == 503
    assert client.get("/healthz").json()["models"] == []


def test_without_scores_and_tiles_it_says_uncalibrated_and_unknown(tmp_path, tile):
    folder = ComparisonFolder(tmp_path)
    write_tiles(folder, slides=6)
    for path in (tmp_path / "tiles").iterdir():
        path.unlink()
    write_run(folder, "lenet", 0)
    service = opened_service(folder, torch.device("cpu"))
    assert service is not None
    client = TestClient(create_app(folder, service), base_url=ORIGIN)
    answer = post(client, ("a", tile)).json()
    assert not answer["tiles"][0]["models"][0]["calibrated"]
    assert "cannot be compared" in answer["likeness"] and answer["tiles"][0]["agree"]
    assert "not calibrated" in client.get("/try").text
    service.close()


def test_an_answer_that_takes_too_long_is_given_up(client_with, tile):
    answer = post(client_with(Limits(answer=0.001)), *[(str(i), tile) for i in range(9)])
    assert answer.status_code == 503 and answer.headers["retry-after"]
    assert "more than 0.001 seconds" in answer.json()["error"]


def test_a_network_that_gives_no_number_is_named(client, tile, monkeypatch):
    def without_number(*given):
        said = ensemble_prediction(*given)
        return replace(said, logits=said.logits * np.nan)

    monkeypatch.setattr("her2bench.web.service.ensemble_prediction", without_number)
    answer = post(client, ("a", tile))
    assert answer.status_code == 200 and "non-finite logit" in answer.json()["tiles"][0]["error"]
