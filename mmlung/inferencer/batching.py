"""Batches of films of one size, and results in the order of the films."""

from __future__ import annotations

from collections import defaultdict
from collections import deque
from collections.abc import Callable
from collections.abc import Hashable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence

from mmlung.inferencer.decoding import PreparedFilm
from mmlung.result import FailedImage
from mmlung.result import ImageResult

_WAITING = 4
"""Batches' worth of films that may wait for others of their size."""

Result = ImageResult | FailedImage


def in_equal_batches(
    films: Iterable[PreparedFilm | FailedImage],
    predict: Callable[[Sequence[PreparedFilm]], list[Result]],
    key: Callable[[PreparedFilm], Hashable],
    batch_size: int,
) -> Iterator[Result]:
    """Results in the order of the films, predicted in batches of equal keys.

    A film waits for others of its size, but for no more than four batches' worth of
    films, so results come while films are still being read.

    Args:
        films: prepared, or failed, which pass through.
        predict: results of one batch.
        key: what the films of a batch share.
        batch_size: films of a batch at most.
    """
    order: deque[int] = deque()  # films without a yielded result
    done: dict[int, Result] = {}
    groups: dict[Hashable, list[tuple[int, PreparedFilm]]] = defaultdict(list)

    def run(group: Hashable) -> None:
        batch = groups.pop(group)
        results = predict([film for _, film in batch])
        done.update(zip((number for number, _ in batch), results, strict=True))

    def ready() -> Iterator[Result]:
        while order and order[0] in done:
            yield done.pop(order.popleft())

    for number, film in enumerate(films):
        order.append(number)
        if isinstance(film, FailedImage):
            done[number] = film
        else:
            group = key(film)
            groups[group].append((number, film))
            if len(groups[group]) == batch_size:
                run(group)
        yield from ready()
        if len(order) > _WAITING * batch_size:
            run(next(iter(groups)))  # of the film that has waited longest
            yield from ready()
    while groups:
        run(next(iter(groups)))
        yield from ready()
