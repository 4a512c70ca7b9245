import random
import re
from importlib import import_module
from pathlib import Path

import django
import fasttext

from service import LanguageDetector, words_of

LANGUAGES = "da de en es fi fr id it nl pl pt ro sv tr".split()


def read_translations(language):
    """What Django says to its users in a language."""
    field = "msgid" if language == "en" else "msgstr"
    for path in sorted(Path(django.__file__).parent.glob(f"**/locale/{language}/LC_MESSAGES/django.po")):
        _, *quoted = re.findall(rf'^{field}\S* ((?:".*"\n?)+)', path.read_text(encoding="utf-8"), re.MULTILINE)
        yield from (text.replace("\\n", " ") for text in quoted)


def read_sentences(language):
    """The examples of a language that come with spaCy: other sentences, about other things."""
    return import_module(f"spacy.lang.{language}.examples").sentences


if __name__ == "__main__":
    lines = [f"__label__{language} {words_of(text)}" for language in LANGUAGES for text in read_translations(language)]
    random.Random(0).shuffle(lines)
    Path("translations.txt").write_text("\n".join(lines), encoding="utf-8")
    model = fasttext.train_supervised(
        "translations.txt", minn=1, maxn=3, dim=16, bucket=20_000, lr=0.5, epoch=10, thread=1, verbose=0
    )

    held_out = [(text, language) for language in LANGUAGES for text in read_sentences(language)]
    told = [model.predict(words_of(text))[0][0].removeprefix("__label__") for text, _ in held_out]
    accuracy = sum(one == language for one, (_, language) in zip(told, held_out)) / len(held_out)
    print(f"accuracy on {len(held_out)} sentences of another source: {accuracy:.2f}")

    service = LanguageDetector()
    service.pack("model", model, metadata={"accuracy": accuracy, "languages": LANGUAGES})
    print(service.save())
