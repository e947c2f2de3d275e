"""Networks for other programs: ONNX, TorchScript, PyTorch's pt2, and WSInfer's folder."""

import os

# ONNX Runtime from 1.29 on reports to its maker which models are loaded, and leaves an id of the
# machine in the home folder as soon as it is imported, unless one of these is there before.
for _name in ("ORT_DISABLE_TELEMETRY", "ORT_TELEMETRY_DISABLED"):
    os.environ.setdefault(_name, "1")
