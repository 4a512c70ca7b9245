from PIL import Image
from sklearn.cluster import KMeans
from sklearn.datasets import load_sample_image
from sklearn.utils import shuffle

from service import ColourReducer

if __name__ == "__main__":
    picture = load_sample_image("china.jpg")
    pixels = shuffle(picture.reshape(-1, 3).astype(float), n_samples=2000, random_state=0)
    model = KMeans(n_clusters=16, random_state=0).fit(pixels)
    Image.fromarray(picture).save("china.png")

    service = ColourReducer()
    service.pack("model", model, metadata={"data": "china.jpg"})
    print(service.save())
