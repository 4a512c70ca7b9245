import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

from service import DigitReader

if __name__ == "__main__":
    rows, digits = load_digits(return_X_y=True)
    rows, held_out, digits, held_out_digits = train_test_split(rows / 16, digits, random_state=0)

    model = SVC().fit(rows, digits)
    accuracy = model.score(held_out, held_out_digits)
    print(f"accuracy on {len(held_out)} digits that the model has not seen: {accuracy:.3f}")

    picture = Image.fromarray((held_out[0].reshape(8, 8) * 255).astype(np.uint8))
    picture.resize((64, 64)).save("digit.png")
    print(f"digit.png is one of them, a {held_out_digits[0]}")

    service = DigitReader()
    service.pack("model", model, metadata={"accuracy": accuracy})
    print(service.save())
