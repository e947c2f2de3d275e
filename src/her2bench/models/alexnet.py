"""AlexNet-based network of the study.

Krizhevsky, Sutskever, Hinton 2012, "ImageNet classification with deep convolutional neural
networks", in the one-column form of Krizhevsky 2014 (64, 192, 384, 256, 256 filters, no local
response normalisation). Deviations, both the study's: 299 px input, one logit.
"""

from torch import Tensor, nn

from her2bench.models.features import Features
from her2bench.models.registry import register_model


class AlexNet(nn.Module):
    """Tile (b, 3, size, size) → logit (b,); 86,368,065 parameters at 299 px."""

    def __init__(self, size: int) -> None:
        super().__init__()
        side = (size + 2 * 2 - 11) // 4 + 1
        for _ in range(3):
            side = (side - 3) // 2 + 1  # each pooling is 3x3, stride 2
        self.features = Features(
            nn.Conv2d(3, 64, 11, stride=4, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(64, 192, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(192, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(0.5),
            nn.Linear(256 * side * side, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Linear(4096, 1),
        )

    def forward(self, tiles: Tensor) -> Tensor:
        return self.classifier(self.features(tiles)).squeeze(1)


# Below 64 px the input of the last pooling is too small.
register_model("alexnet", AlexNet, smallest=64)
