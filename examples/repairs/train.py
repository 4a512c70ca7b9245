import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.nn.functional import mse_loss

from service import DigitRepairer, Repairer


def damage(pictures):
    """Half of the points of each picture are lost."""
    return pictures * (torch.rand(pictures.shape) < 0.5)


if __name__ == "__main__":
    torch.manual_seed(0)
    pictures = torch.tensor(load_digits().images / 16, dtype=torch.float32)
    pictures, held_out = (part.clone() for part in train_test_split(pictures, random_state=0))

    model = Repairer(channels=16)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    for _ in range(15):
        for batch in pictures[torch.randperm(len(pictures))].split(128):
            optimizer.zero_grad()
            mse_loss(model(damage(batch)), batch).backward()
            optimizer.step()

    damaged = damage(held_out)
    with torch.inference_mode():
        before, after = mse_loss(damaged, held_out).item(), mse_loss(model(damaged), held_out).item()
    print(f"mean squared error of {len(held_out)} damaged pictures: {before:.3f}, of the repaired ones: {after:.3f}")
    np.save("damaged.npy", damaged.numpy())

    service = DigitRepairer()
    service.pack("model", model, arguments={"channels": 16}, metadata={"before": before, "after": after})
    print(service.save())
