import importlib
import inspect

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from service import QuestionRouter

PARTS = "fft integrate interpolate linalg ndimage optimize signal sparse spatial special stats".split()


def read_documentation():
    """What the documentation of SciPy says each of its functions is for, and the part of SciPy it belongs to."""
    for part in PARTS:
        module = importlib.import_module(f"scipy.{part}")
        for name in module.__all__:
            text = (inspect.getdoc(getattr(module, name)) or "").partition("\nParameters\n")[0]
            if text:
                yield text, part


if __name__ == "__main__":
    texts, parts = zip(*read_documentation())
    texts, held_out, parts, held_out_parts = train_test_split(texts, parts, stratify=parts, random_state=0)

    model = make_pipeline(
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True),
        SGDClassifier(loss="log_loss", alpha=1e-5, class_weight="balanced", random_state=0),
    )
    model.fit(texts, parts)
    accuracy = model.score(held_out, held_out_parts)
    print(f"accuracy on {len(held_out)} functions that the model has not seen: {accuracy:.3f}")

    service = QuestionRouter()
    service.pack("model", model, metadata={"accuracy": accuracy})
    print(service.save())
