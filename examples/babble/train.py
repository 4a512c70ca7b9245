from collections import defaultdict
from pydoc_data.topics import topics

from service import Babbler

if __name__ == "__main__":
    followers = defaultdict(list)
    for text in topics.values():
        words = text.split()
        for first, second, third in zip(words, words[1:], words[2:]):
            followers[f"{first} {second}"].append(third)

    service = Babbler()
    service.pack("followers", dict(followers), metadata={"topics": len(topics), "pairs": len(followers)})
    print(service.save())
