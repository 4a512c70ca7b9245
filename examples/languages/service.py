import re

import bentoml
from bentoml.adapters import StringInput
from bentoml.frameworks.fasttext import FasttextModelArtifact


def words_of(text):
    """The words of a text in small letters, without placeholders, markup, digits and punctuation."""
    text = re.sub(r"%\(\w+\)\w|%\w|\{\w*\}|<[^>]*>|&\w+;", " ", text)
    return " ".join(re.findall(r"[^\W\d_]+", text.lower()))


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([FasttextModelArtifact("model")])
class LanguageDetector(bentoml.BentoService):
    """Says in which of fourteen languages a text is."""

    @bentoml.api(input=StringInput(), batch=True)
    def detect(self, texts):
        labels, certainties = self.artifacts.model.predict([words_of(text) for text in texts])
        return [
            {"language": label[0].removeprefix("__label__"), "certainty": round(float(certainty[0]), 2)}
            for label, certainty in zip(labels, certainties)
        ]
