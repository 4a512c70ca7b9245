import numpy as np
from sklearn.datasets import load_digits
from sklearn.neighbors import NearestNeighbors

from service import LookalikeFinder

if __name__ == "__main__":
    pictures, digits = load_digits(return_X_y=True)
    pictures = pictures.astype(np.float32)
    index = NearestNeighbors(n_neighbors=5, algorithm="brute").fit(pictures[:1500])
    np.save("unseen.npy", pictures[1500:])

    nearest = index.kneighbors(pictures[1500:], return_distance=False)
    precision = (digits[nearest] == digits[1500:, np.newaxis]).mean()
    print(f"of the pictures found for {len(nearest)} others, {precision:.1%} show the same digit")

    service = LookalikeFinder()
    service.pack("index", index, metadata={"precision_at_5": precision, "pictures": 1500})
    print(service.save())
