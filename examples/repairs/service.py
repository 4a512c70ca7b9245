import bentoml
import torch
from bentoml.adapters import PytorchTensorInput, PytorchTensorOutput
from bentoml.frameworks.pytorch import PytorchModelArtifact


class Repairer(torch.nn.Module):
    """Takes pictures `(rows, 8, 8)` of brightness 0 to 1 to better ones."""

    def __init__(self, channels):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Conv2d(1, channels, 3, padding=1),
            torch.nn.ReLU(),
            torch.nn.Flatten(),
            torch.nn.Linear(channels * 64, 64),
            torch.nn.ReLU(),
            torch.nn.Linear(64, 64),
            torch.nn.Sigmoid(),
        )

    def forward(self, pictures):
        return self.layers(pictures.unsqueeze(1)).reshape(pictures.shape)


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([PytorchModelArtifact("model", format="safetensors", architecture=Repairer)])
class DigitRepairer(bentoml.BentoService):
    """Gives handwritten digits back the points that they have lost."""

    @bentoml.api(
        input=PytorchTensorInput(dtype="float32", shape=(None, 8, 8)), output=PytorchTensorOutput(), batch=True
    )
    def repair(self, pictures):
        with torch.inference_mode():
            return self.artifacts.model(pictures)
