"""Official lists of films, known by their sha256, and how complete a part is.

The converter decides by them what to convert, and the data set, when it is built, what
it may be called: a file may have been edited since, or read in part. Both import this.
Only ``'official'`` may stand beside published numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from collections.abc import Sequence

CHESTXRAY14_SHA256 = {
    'train_val_list': (
        'f5ca42650c3529e46ba2b4399869027d2ff2ddac9a5e55b5fa64530fcb4dd4be'
    ),
    'test_list': '7519b7296cb0f58e5d2f4818372950411b04f1f243580c4132d001746535d931',
}
"""sha256 of the sorted stems of ChestX-ray14's lists, one a line, without a last line
end: the line ends of a copy and the format of the films do not matter."""

CHESTXRAY14_FILMS = {'train_val_list': 86_524, 'test_list': 25_596}
"""How many films each of ChestX-ray14's lists names."""

ENOUGH = 0.99
"""Share of an official list that must be there for ``'official-incomplete'``."""

OFFICIAL = 'official'
INCOMPLETE = 'official-incomplete'
SUBSET = 'subset'


def film_stem(name: str) -> str:
    """Name of a film without folders and suffix.

    >>> film_stem('images_002/images/00001335_006.png')
    '00001335_006'
    """
    name = name.replace('\\', '/').rpartition('/')[2]
    return name.rpartition('.')[0] or name


def names_sha256(names: Iterable[str]) -> str:
    """sha256 of the names without folders and suffix, sorted, one a line.

    >>> names_sha256(['b.png', 'x/a.jpg']) == names_sha256(['a', 'b'])
    True
    """
    stems = sorted(map(film_stem, names))
    return hashlib.sha256('\n'.join(stems).encode()).hexdigest()


def chestxray14_test_family(names: Sequence[str], claimed: str) -> str:
    """What films that are tested on may be called.

    The sha256 alone says whether they are the whole official test list. Which film is
    missing it cannot say, so that ``official-incomplete`` rests on the claim of the
    file, and on their number.

    Args:
        names: of the films, one each.
        claimed: ``split_family`` of the annotation file.

    Returns:
        ``official`` for exactly the films of the official test list, whatever is
        claimed; else, where an official split is claimed, ``official-incomplete`` for
        99 % of their number or more, and ``subset`` for fewer, for more than all, and
        where a film stands twice; else the claim.
    """
    number = CHESTXRAY14_FILMS['test_list']
    if len(names) == number and names_sha256(names) == CHESTXRAY14_SHA256['test_list']:
        return OFFICIAL
    if claimed not in (OFFICIAL, INCOMPLETE):
        return claimed
    once = len(set(map(film_stem, names))) == len(names)
    return INCOMPLETE if once and ENOUGH * number <= len(names) < number else SUBSET
