"""Words of Chinese and Latin text alike, for searching, for likeness and for learning from what was written before.

Chinese has no blanks between words: each two neighbouring characters are one term, and the last character of a
run stands alone too, so that a single character is found as the beginning of a term. Pure.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

_CJK = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_RUN = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}]+")
_CODE = re.compile(r"[0-9a-z]+(?:[-._/#][0-9a-z]+)+")  # A-00123, E-305: people write them with and without
LONGEST_TERM = 40
# What says nothing about a fault.
_EMPTY = frozenset(
    {"the", "is", "are", "was", "it", "its", "on", "in", "at", "of", "to", "and", "or", "not", "no", "an"}
    | {"with", "for", "this", "that", "please", "pls"}
)


def normal(text: str) -> str:
    """One spelling for what looks alike: full-width and half-width, upper and lower case."""
    return unicodedata.normalize("NFKC", text).casefold()


def terms(text: str) -> list[str]:
    """The terms of a text in order, as they are indexed."""
    text = normal(text)
    found = [_joined(match[0]) for match in _CODE.finditer(text)]
    for match in _RUN.finditer(text):
        run = match[0]
        if _is_cjk(run[0]):
            found += [run[at : at + 2] for at in range(len(run) - 1)]
            found.append(run[-1])
        else:
            found.append(run[:LONGEST_TERM])
    return found


def query_terms(text: str) -> list[str]:
    """The terms that all have to be found for a search; one that ends in `*` is a beginning.

    A Chinese run is asked for by its pairs, a code such as A-00123 as a whole; a word may still be growing under the
    typing hand.
    """
    text = normal(text)
    found = [_joined(match[0]) + "*" for match in _CODE.finditer(text)]
    runs = [match[0] for match in _RUN.finditer(_CODE.sub(" ", text))]
    for run in runs:
        if not _is_cjk(run[0]):
            found.append(run[:LONGEST_TERM] + "*")
        elif len(run) == 1:
            found.append(run + "*")
        else:
            found += [run[at : at + 2] for at in range(len(run) - 1)]
    return list(dict.fromkeys(found))


def _joined(code: str) -> str:
    return re.sub(r"[^0-9a-z]", "", code)[:LONGEST_TERM]


def _is_cjk(character: str) -> bool:
    return re.match(rf"[{_CJK}]", character) is not None


def telling(text: str) -> Counter[str]:
    """Terms that may tell one fault from another: pairs of characters, words of two letters and more."""
    return Counter(term for term in terms(text) if len(term) > 1 and term not in _EMPTY)


def likeness(one: str, other: str) -> float:
    """0 for nothing in common, 1 for the same terms: cosine of their counts, damped (1 + ln n)."""
    a, b = _damped(telling(one)), _damped(telling(other))
    dot = sum(weight * b[term] for term, weight in a.items() if term in b)
    norm = math.sqrt(sum(w * w for w in a.values()) * sum(w * w for w in b.values()))
    return dot / norm if norm else 0.0


def _damped(counts: Counter[str]) -> dict[str, float]:
    return {term: 1.0 + math.log(count) for term, count in counts.items()}


# ---------------------------------------------------------------- learning from own history


@dataclass(frozen=True, slots=True)
class Guess:
    """A class, how sure (0 to 1), and the terms that spoke for it most."""

    key: str
    confidence: float
    because: tuple[str, ...]


class Learned:
    """Which words went with which class before: multinomial naive Bayes with add-one smoothing.

    Source: Manning, Raghavan, Schütze, Introduction to Information Retrieval, chapter 13.
    """

    def __init__(self, examples: Iterable[tuple[str, str]]) -> None:
        """`examples`: (text, class) of the past."""
        self._documents: Counter[str] = Counter()
        self._terms: dict[str, Counter[str]] = {}
        for text, key in examples:
            self._documents[key] += 1
            self._terms.setdefault(key, Counter()).update(set(telling(text)))
        self._sums = {key: sum(counts.values()) for key, counts in self._terms.items()}
        self._vocabulary = len({term for counts in self._terms.values() for term in counts})

    @property
    def examples(self) -> int:
        """How many were learned from."""
        return self._documents.total()

    def guess(self, text: str, least_examples: int = 5) -> Guess | None:
        """The likeliest class; None when there is too little to go by or no known word in the text."""
        known = [term for term in telling(text) if any(term in counts for counts in self._terms.values())]
        if self.examples < least_examples or len(self._documents) < 2 or not known:
            return None
        scores = {key: self._score(key, known) for key in self._documents}
        best = max(scores, key=lambda key: (scores[key], key))
        total = sum(math.exp(score - scores[best]) for score in scores.values())
        others = [key for key in scores if key != best]
        weight: Mapping[str, float] = {
            term: self._weight(best, term) - max(self._weight(key, term) for key in others) for term in known
        }
        because: Sequence[str] = sorted((t for t in known if weight[t] > 0), key=lambda t: (-weight[t], t))
        return Guess(best, 1.0 / total, tuple(because[:3]))

    def _score(self, key: str, known: Iterable[str]) -> float:
        prior = math.log(self._documents[key] / self.examples)
        return prior + sum(self._weight(key, term) for term in known)

    def _weight(self, key: str, term: str) -> float:
        return math.log((self._terms[key][term] + 1) / (self._sums[key] + self._vocabulary))
