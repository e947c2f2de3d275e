"""The service of the page: images in, predictions out, one inference at a time."""

import asyncio
import base64
import io
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import torch
from PIL import Image

from her2bench.core.memory import release_memory
from her2bench.core.runs import ComparisonFolder
from her2bench.core.vocabulary import ENDPOINTS, SCORES, binary_endpoint, model_label
from her2bench.data.decoding.rgb import resized
from her2bench.data.decoding.squares import Square, squared
from her2bench.prediction.device import ready_cpu
from her2bench.prediction.domain_shift import Training, training_of, warnings
from her2bench.prediction.ensemble import (
    Ensemble,
    EnsemblePrediction,
    Networks,
    agreement,
    ensemble_prediction,
    ensembles,
)
from her2bench.prediction.gradcam import enlarged
from her2bench.prediction.scalings import scalings_of
from her2bench.stain.heatmap import heatmap
from her2bench.web.answers import CAVEATS, ModelAnswer, TileAnswer
from her2bench.web.decoding import Refused, decode
from her2bench.web.uploads import Upload

T = TypeVar("T")
_TOGETHER = 8  # tiles per batch of inference
_HEATMAP = 160  # pixels per side of a heatmap: finer than any last convolution of a tile
_PREVIEW = 320  # pixels per side of the returned tile


@dataclass(frozen=True)
class Tile:
    """A decoded upload, or the reason there is none."""

    answer: TileAnswer
    pixels: np.ndarray | None = None


@dataclass
class Service:
    """The networks of a comparison, ready for inference.

    Decoding runs in two threads and inference in one, for any number of clients: memory
    stays bounded, and each network runs one batch at a time.
    """

    folder: ComparisonFolder
    models: list[Ensemble]
    networks: Networks
    size: int
    endpoint: str
    training: Training | str
    square: Square = "squash"
    four_scores: bool = False
    _decoding: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(2, "decode"))
    _inference: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "infer"))
    _asked: int = 0

    @property
    def positive_means(self) -> str:
        """The endpoint in words."""
        return ENDPOINTS.get(self.endpoint, self.endpoint) + CAVEATS.get(self.endpoint, "")

    @property
    def likeness(self) -> str:
        """The training tiles of the comparison, in words."""
        if isinstance(self.training, str):
            return (
                "Tiles cannot be compared with the training tiles, only checked for "
                f"missing tissue: {self.training}."
            )
        return f"Tiles are compared with {self.training.tiles} of the training tiles."

    async def answers(
        self, files: AsyncIterator[Upload], pictures: bool
    ) -> AsyncIterator[TileAnswer]:
        """One result per file, in order; files are read as fast as they are processed."""
        self._asked += 1
        try:
            batch: list[Tile] = []
            async for file in files:
                batch.append(await _in(self._decoding, self._tile, file, pictures))
                if len(batch) == _TOGETHER:
                    for answer in await _in(self._inference, self._judged, batch, pictures):
                        yield answer
                    batch = []
            for answer in await _in(self._inference, self._judged, batch, pictures):
                yield answer
        finally:
            self._asked -= 1
            if not self._asked:
                self._inference.submit(release_memory)

    def close(self) -> None:
        """Stop the threads."""
        self._decoding.shutdown(cancel_futures=True)
        self._inference.shutdown(cancel_futures=True)

    def _tile(self, file: Upload, pictures: bool) -> Tile:
        if file.problem:
            return Tile(TileAnswer(name=file.name, error=file.problem))
        try:
            picture = decode(file.data)
        except Refused as reason:
            return Tile(TileAnswer(name=file.name, error=str(reason)))
        seen = squared(picture.rgb, self.square)
        pixels = resized(seen, self.size)
        training = None if isinstance(self.training, str) else self.training
        answer = TileAnswer(
            name=file.name,
            width=picture.rgb.shape[1],
            height=picture.rgb.shape[0],
            warnings=warnings(picture.rgb, pixels, training, self.square),
            notes=list(picture.notes),
            picture=_preview(seen) if pictures else None,
        )
        return Tile(answer, pixels)

    def _judged(self, batch: list[Tile], pictures: bool) -> list[TileAnswer]:
        good = [tile for tile in batch if tile.pixels is not None]
        if not good:
            return [tile.answer for tile in batch]
        pixels = np.stack([tile.pixels for tile in good if tile.pixels is not None])
        opinions = [ensemble_prediction(model, pixels, self.networks) for model in self.models]
        agree = agreement(opinions)
        for i, tile in enumerate(good):
            if not all(np.isfinite([said.logits[i], said.cut]).all() for said in opinions):
                tile.answer.error = "A network returned a non-finite logit for this tile."
                continue
            tile.answer.agree = bool(agree[i])
            tile.answer.models = [
                _model_answer(model, said, i, pictures)
                for model, said in zip(self.models, opinions, strict=True)
            ]
        return [tile.answer for tile in batch]


def opened_service(folder: ComparisonFolder, device: torch.device) -> Service | None:
    """The service of a comparison; None if no network is finished.

    Raises:
        UserError: the weights of a run, or scores.json, are damaged.
    """
    ready_cpu()
    models = ensembles(folder, scalings_of(folder))
    if not models:
        return None
    networks = Networks(device)
    described = [networks.read(member.run)[1] for model in models for member in model.members]
    first = described[0]
    training = training_of(folder, first.size, first.square)
    return Service(
        folder,
        models,
        networks,
        first.size,
        binary_endpoint(first.endpoint),
        training,
        first.square,
        first.endpoint == "score",
    )


async def _in(pool: ThreadPoolExecutor, work: Callable[..., T], *given: object) -> T:
    return await asyncio.get_running_loop().run_in_executor(pool, work, *given)


def _model_answer(model: Ensemble, said: EnsemblePrediction, i: int, pictures: bool) -> ModelAnswer:
    heat = said.maps[i : i + 1]
    return ModelAnswer(
        model=model.model,
        name=model_label(model.model),
        runs=len(model.members),
        call="positive" if said.positive[i] else "negative",
        probability=float(said.probabilities[i]),
        threshold=said.cut,
        calibrated=said.calibrated,
        logit=float(said.logits[i]),
        scores=_scores(said, i),
        heatmap=_png(heatmap(enlarged(heat, _HEATMAP, _HEATMAP)[0]))
        if pictures and heat.any()
        else None,
    )


def _scores(said: EnsemblePrediction, i: int) -> dict[str, float] | None:
    values = [float(column[i]) for column in said.scores.values()]
    return dict(zip(SCORES, values, strict=True)) if values else None


def _preview(rgb: np.ndarray) -> str:
    image = Image.fromarray(rgb)
    scale = min(1.0, _PREVIEW / max(image.size))
    width, height = (max(1, round(side * scale)) for side in image.size)
    stream = io.BytesIO()
    image.resize((width, height), Image.Resampling.BOX).save(stream, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()


def _png(rgba: np.ndarray) -> str:
    stream = io.BytesIO()
    Image.fromarray(rgba).save(stream, "PNG")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
