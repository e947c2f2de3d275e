"""Networks for other programs: ONNX, TorchScript, PyTorch's pt2, and WSInfer's folder."""
