"""Grad-CAM: the regions of a tile that raise the logit of "positive".

Selvaraju et al. 2017, "Grad-CAM: visual explanations from deep networks via gradient-based
localization", computed by captum on the last convolution. The map is as coarse as that
convolution's output (AlexNet at 64 px: 3 x 3), and drawn over the tile by bilinear interpolation
with the cells' centres in place, without implying a finer resolution.
"""

import numpy as np
import torch
from captum.attr import LayerGradCam
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torch.utils.hooks import RemovableHandle

from her2bench.core.run_folder import RunFolder
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.trained_networks import load_trained

_POINTWISE = (nn.BatchNorm2d, nn.GroupNorm, nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU)


def gradcam(
    model: nn.Module,
    tiles: np.ndarray,
    prepare: Normalization,
    device: torch.device,
    batch: int = 16,
) -> np.ndarray:
    """The Grad-CAM map of each tile for the positive logit.

    Args:
        model: tiles (b, 3, h, w) → one logit per tile; left in evaluation mode.
        tiles: (n, h, w, 3) uint8, at the size the model was trained at.
        prepare: the normalisation the model was trained with.
        device: of the model.
        batch: tiles per batch.

    Returns:
        (n, h', w') float32, 0 or more, in units of the logit; h' and w' are those of the last
        convolution's output. All zero where no region raises the logit, and
        (n, 1, 1) zeros where the network has no convolution.
    """
    model.eval()
    maps = []
    for start in range(0, len(tiles), batch):
        part = np.array(tiles[start : start + batch])  # a copy: the cache is mapped read-only
        inputs = prepare(torch.from_numpy(part).to(device))
        layer = explained_layer(model, inputs[:1])
        if layer is None:
            return np.zeros((len(tiles), 1, 1), np.float32)
        with torch.enable_grad():
            found = LayerGradCam(model, layer).attribute(inputs, relu_attributions=True)
        assert isinstance(found, Tensor)  # a tuple only for layers with several outputs
        maps.append(found[:, 0].detach().float().cpu().numpy())
    return np.concatenate(maps) if maps else np.empty((0, 1, 1), np.float32)


def explained_layer(model: nn.Module, one_tile: Tensor) -> nn.Module | None:
    """The layer whose output is explained: the last convolution, with its activation, if any.

    Of the convolutions that ran, the last with spatial output (a convolution after global
    pooling has none). If a normalisation or activation follows directly, its output is taken, as in
    the paper: a negative feature with a
    negative weight would otherwise count as evidence.

    Args:
        model: the network.
        one_tile: (1, 3, h, w), an input of the network.
    """
    ran = _layers_run(model, one_tile)
    spatial = [
        i
        for i, (layer, shape) in enumerate(ran)
        if isinstance(layer, nn.Conv2d) and len(shape) == 4 and shape[2] * shape[3] > 1
    ]
    if not spatial:
        return None
    last = spatial[-1]
    for i in range(last + 1, len(ran)):
        if not isinstance(ran[i][0], _POINTWISE) or ran[i][1] != ran[last][1]:
            break
        last = i
    return ran[last][0]


def normalised(maps: np.ndarray) -> np.ndarray:
    """Each map scaled to a maximum of 1; a map of zeros stays zero.

    Args:
        maps: (n, h, w), 0 or more.

    >>> normalised(np.array([[[0.0, 4.0]], [[0.0, 0.0]]])).tolist()
    [[[0.0, 1.0]], [[0.0, 0.0]]]
    """
    greatest = maps.max(axis=(1, 2), keepdims=True, initial=0)
    return np.divide(maps, greatest, out=np.zeros_like(maps), where=greatest > 0)


def enlarged(maps: np.ndarray, height: int, width: int) -> np.ndarray:
    """Maps resized to the tile by bilinear interpolation: (n, h', w') to (n, height, width).

    >>> enlarged(np.array([[[1.0, 3.0]]]), 1, 4).tolist()
    [[[1.0, 1.5, 2.5, 3.0]]]
    """
    values = torch.from_numpy(np.ascontiguousarray(maps))[:, None]
    bigger = interpolate(values, size=(height, width), mode="bilinear", align_corners=False)
    return bigger[:, 0].numpy()


def gallery_maps(run: RunFolder, pixels: np.ndarray, device: torch.device) -> np.ndarray | None:
    """The maps of some tiles by the network of a finished run, as stored for the report.

    Args:
        run: a finished run of a network.
        pixels: (n, size, size, 3) uint8, as in the tile cache.
        device: for inference.

    Returns:
        (n, h', w') uint8: each map `normalised`, times 255, not yet enlarged; None where the
        network has no convolution.

    Raises:
        UserError: the run is not finished, or its weights are damaged.
    """
    model, description = load_trained(run, device)
    prepare = description.preparation
    one_tile = prepare(torch.from_numpy(np.array(pixels[:1])).to(device))
    if explained_layer(model, one_tile) is None:
        return None
    maps = gradcam(model, pixels, prepare, device)
    return np.rint(normalised(maps) * 255).astype(np.uint8)


def _layers_run(model: nn.Module, one_tile: Tensor) -> list[tuple[nn.Module, torch.Size]]:
    """The leaf layers in order of execution, with the shape of their output."""
    ran: list[tuple[nn.Module, torch.Size]] = []

    def note(layer: nn.Module, inputs: object, output: object) -> None:
        if isinstance(output, Tensor):
            ran.append((layer, output.shape))

    leaves = [layer for layer in model.modules() if not any(layer.children())]
    handles: list[RemovableHandle] = [layer.register_forward_hook(note) for layer in leaves]
    try:
        with torch.inference_mode():
            model(one_tile)
    finally:
        for handle in handles:
            handle.remove()
    return ran
