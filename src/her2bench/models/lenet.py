"""LeNet-based network of the study, after LeNet-5.

LeCun, Bottou, Bengio, Haffner 1998, "Gradient-based learning applied to document recognition",
figure 2. Deviations, all the study's: RGB input of 299 px instead of grey 32 px, ReLU instead of
tanh, max-pooling instead of trained subsampling, one logit instead of ten classes.
"""

from torch import Tensor, nn

from her2bench.models.features import Features
from her2bench.models.registry import register_model


class LeNet(nn.Module):
    """Tile (b, 3, size, size) → logit (b,); 9,966,521 parameters at 299 px."""

    def __init__(self, size: int) -> None:
        super().__init__()
        side = (size // 2 - 4) // 2  # pad 2 keeps the size, 5x5 without padding takes 4
        self.features = Features(
            nn.Conv2d(3, 6, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(16 * side * side, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, 1),
        )

    def forward(self, tiles: Tensor) -> Tensor:
        return self.classifier(self.features(tiles)).squeeze(1)


register_model("lenet", LeNet, smallest=64)
