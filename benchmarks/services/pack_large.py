"""Saves the service of the quickstart with a large model, and prints where it lies.

python pack_large.py neighbours|forest MEGABYTES
"""

import sys

import numpy as np
from iris_service import IrisClassifier
from sklearn.datasets import load_iris
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.neighbors import KNeighborsClassifier

TREES = 100
NODE_BYTES = 64 + 3 * 8  # a node of scikit-learn, and its share of each species
ROWS_PER_NODE = 1.12  # as measured, with a quarter of the labels wrong


def flowers(rows):
    """So many flowers that differ a little from those that were measured: features and species."""
    noise = np.random.default_rng(0)
    measured, species = load_iris(return_X_y=True)
    chosen = noise.integers(0, len(measured), rows)
    features = measured[chosen]
    features += noise.normal(0, 0.05, features.shape)
    return features, species[chosen]


def neighbours(size_bytes):
    """All flowers are the model: one array of features, and one of species."""
    return KNeighborsClassifier(5, algorithm="brute").fit(*flowers(size_bytes // (5 * 8)))


def forest(size_bytes):
    """Trees that have learned even the errors: every fourth flower has a species at random."""
    features, species = flowers(int(size_bytes / TREES / NODE_BYTES * ROWS_PER_NODE))
    noise = np.random.default_rng(1)
    species = np.where(noise.random(len(species)) < 0.25, noise.integers(0, 3, len(species)), species)
    return ExtraTreesClassifier(TREES, random_state=0, n_jobs=-1).fit(features, species)


MODELS = {"neighbours": neighbours, "forest": forest}

if __name__ == "__main__":
    model = MODELS[sys.argv[1]](int(sys.argv[2]) * 1_000_000)
    model.n_jobs = 1
    service = IrisClassifier()
    service.pack("model", model)
    print(service.save())
