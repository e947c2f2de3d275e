"""An ONNX model in ONNX Runtime."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import numpy as np
import onnxruntime as ort
from onnxruntime.capi import (
    onnxruntime_pybind11_state as faults,  # pyright: ignore[reportAttributeAccessIssue]
)

from her2bench.core.errors import UserError, shown
from her2bench.core.machine import usable_cores

EXPECTED = (
    "a file of `her2bench export --format onnx`: input `tiles` (n, 3, height, width), outputs "
    "`probability` and `logit` (of a network of the four scores `scores`, too), and its metadata"
)
INPUT, OUTPUTS, SCORES = "tiles", ("probability", "logit"), "scores"
_FAULTS = (
    *(faults.Fail, faults.InvalidArgument, faults.InvalidGraph, faults.InvalidProtobuf),
    *(faults.ModelLoaded, faults.NoModel, faults.NoSuchFile, faults.NotImplemented),
    *(faults.RuntimeException, faults.EPFail, RuntimeError, ValueError),
)


class OnnxSession:
    """A model, ready to run on the CPU.

    Args:
        data: the bytes of the file.
        where: names it in messages.

    Raises:
        UserError: ONNX Runtime cannot read it, or it has other inputs or outputs.
    """

    def __init__(self, data: bytes, where: object) -> None:
        self._where = where
        ort.disable_telemetry_events()  # where someone imported it before us
        options = ort.SessionOptions()
        options.intra_op_num_threads = usable_cores()
        options.log_severity_level = 4  # faults arrive as exceptions
        with self._said("cannot be read as ONNX"):
            self._session = ort.InferenceSession(data, options, ["CPUExecutionProvider"])
            self.texts: dict[str, str] = self._session.get_modelmeta().custom_metadata_map
        names = [each.name for each in self._session.get_inputs()]
        outputs = {each.name for each in self._session.get_outputs()}
        self._outputs = [*OUTPUTS, *({SCORES} & outputs)]
        if names != [INPUT] or not outputs.issuperset(OUTPUTS):
            raise UserError(
                where,
                found=f"an ONNX model with input {', '.join(names)} and output "
                f"{', '.join(sorted(outputs))}",
                expected=EXPECTED,
                hint="convert it to these names, or score its predictions with `her2bench score`",
            )

    def run(self, tiles: np.ndarray) -> list[np.ndarray]:
        """Probability and logit, each (n,), of tiles (n, 3, h, w); scores (n, 4) if it has them.

        Raises:
            UserError: the model does not take them.
        """
        with self._said("does not take these tiles"):
            found = self._session.run(self._outputs, {INPUT: tiles})
        arrays = [np.asarray(cast("np.ndarray", each)) for each in found]
        wanted = [(len(tiles),), (len(tiles),), (len(tiles), 4)][: len(arrays)]
        if [each.shape for each in arrays] != wanted:
            raise UserError(
                self._where,
                found=f"outputs of shape {', '.join(str(each.shape) for each in arrays)}",
                expected=f"{', '.join(map(str, wanted))} for {len(tiles)} tiles",
                hint="export the network again",
            )
        return arrays

    @contextmanager
    def _said(self, what: str) -> Iterator[None]:
        try:
            yield
        except _FAULTS as error:
            raise UserError(
                self._where,
                found=f"{what} ({shown(str(error))})",
                expected=EXPECTED,
                hint="export the network again",
            ) from error
