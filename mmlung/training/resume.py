"""Randomness as a function of the step: a resumed training is the same training.

mmengine restores weights, optimizer, schedules and the order of the data, but no random
state: after a resume augmentation and drop-path differ. States that are stored would
have to be gathered from every process and from every worker, which prefetch and live on
from epoch to epoch. Here they follow from where the training is: each step, and each
film within it, starts from a seed that is hashed from (seed, rank, step, place).
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sized
from functools import partial
from itertools import islice
from typing import Any
from typing import Protocol

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop

from mmlung.registry import HOOKS

_KEY = 'resume_exactly'
"""Where a checkpoint holds what a resume is compared with."""


def seed_by(*position: int) -> None:
    """Seed Python, NumPy and torch (CPU and CUDA) from whole numbers >= 0.

    Neighbouring positions give unrelated streams. Trailing zeros do not count: that is
    how ``np.random.SeedSequence`` hashes.
    """
    words = np.random.SeedSequence(position).generate_state(4)
    random.seed(words.tobytes())
    np.random.seed(words)
    seed = int(words[:2].view(np.uint64)[0])
    torch.default_generator.manual_seed(seed)
    # torch.manual_seed notes the call stack for a GPU not in use, which takes 2 ms.
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)


class _SeededBatch:
    """Indices of a batch; walking through them seeds whoever loads them, film by film.

    A data loader sends it to a worker as it is and walks through it there, so a worker
    needs no state of its own, however long it lives.
    """

    def __init__(self, indices: list[int], position: tuple[int, ...]) -> None:
        self.indices = indices
        self.position = position

    def __len__(self) -> int:
        return len(self.indices)

    def __iter__(self) -> Iterator[int]:
        for place, index in enumerate(self.indices, start=1):  # 0: the step itself
            seed_by(*self.position, place)
            yield index


class _BatchSampler(Sized, Iterable[list[int]], Protocol):
    """What torch and upstream offer under this name."""


class SeededBatches:
    """Batch sampler over another one: its batches carry the seeds of their films.

    Args:
        batches: batch sampler to draw from; its attributes are those of this object.
        seed: seed of the training.
        rank: number of this process.

    Attributes:
        step: number of the step that the next batch is for.
        skip: number of batches to leave out, once, at the next pass.
    """

    def __init__(self, batches: _BatchSampler, seed: int, rank: int) -> None:
        self._batches = batches
        self._seed_and_rank = seed, rank
        self.step = 0
        self.skip = 0

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[_SeededBatch]:
        skip, self.skip = self.skip, 0
        for indices in islice(self._batches, skip, None):
            position = (*self._seed_and_rank, self.step)
            self.step += 1
            yield _SeededBatch(indices, position)

    def __getattr__(self, name: str) -> Any:
        if name.startswith('_'):
            raise AttributeError(name)
        return getattr(self._batches, name)


@HOOKS.register_module()
class ResumeExactly(Hook):
    """A training that is killed and resumed takes the same steps as one that is not.

    Every checkpoint of ``CheckpointHook`` serves, by epoch or by iteration; a run cut
    in between takes the steps since its last checkpoint again. Nothing depends on the
    number of workers. Steps are equal to the last bit where the arithmetic is: on CPUs,
    and on GPUs as far as ``randomness=dict(deterministic=True)`` makes it so.

    Not covered: a validation that is cut is not repeated, gradients accumulated over
    several steps are lost when a checkpoint falls between them (mmengine warns), and a
    change of batch size, data or number of processes, which is warned of.

    Raises:
        ValueError: the data set has no indices to seed its samples by.
    """

    priority = 'HIGHEST'  # whatever other hooks draw comes after the seed

    def __init__(self) -> None:
        self._built_with: int | None = None
        self._saved: dict[str, int] | None = None

    def before_run(self, runner: Any) -> None:
        """Remember the seed that the samplers were built with."""
        self._built_with = runner.seed

    def after_load_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Remember what the training was like that wrote the checkpoint."""
        self._saved = checkpoint.get(_KEY)

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Say what the training is like."""
        checkpoint[_KEY] = _shape(runner)

    def before_train(self, runner: Any) -> None:
        """Let the loader's batches carry their seeds."""
        loader = runner.train_loop.dataloader
        if loader.batch_sampler is None:
            raise ValueError(
                f'ResumeExactly seeds samples by their place in a batch, but '
                f'{type(loader.dataset).__name__} is loaded without batches of '
                'indices. Give train_dataloader a batch_size and a data set with '
                '__getitem__, or remove the hook.'
            )
        samplers: list[Any] = [loader.sampler]
        samplers.append(getattr(loader.batch_sampler, 'sampler', None))
        for sampler in samplers:
            # mmengine takes a resumed seed after the samplers took theirs.
            if hasattr(sampler, 'seed') and sampler.seed == self._built_with:
                sampler.seed = runner.seed
        batches = SeededBatches(loader.batch_sampler, runner.seed, get_rank())
        # torch guards the attribute against changes under running workers; none runs.
        vars(loader)['batch_sampler'] = batches

    def before_train_epoch(self, runner: Any) -> None:
        """Number the batches; leave out those of an epoch that was saved half-way."""
        seed_by(runner.seed, get_rank(), runner.iter)
        loop = runner.train_loop
        batches = loop.dataloader.batch_sampler
        batches.step, batches.skip = loop.iter, self._steps_to_skip(runner)
        if batches.skip:
            # Others see where in the epoch it is, for example the log.
            vars(loop)['run_iter'] = partial(_run_later_iter, loop, batches.skip)
        if not _by_epoch(runner) and not hasattr(loop.dataloader.sampler, 'skip'):
            batches.step = 0  # mmengine draws all batches once more

    def before_train_iter(self, runner: Any, *args: Any, **kwargs: Any) -> None:
        """Seed what the model draws."""
        seed_by(runner.seed, get_rank(), runner.iter)

    def after_train_epoch(self, runner: Any, *args: Any, **kwargs: Any) -> None:
        """Later epochs are whole."""
        vars(runner.train_loop).pop('run_iter', None)

    def _steps_to_skip(self, runner: Any) -> int:
        """Steps of the epoch that the checkpoint has behind it: 0 but at a resume."""
        saved, self._saved = self._saved, None
        loop, now = runner.train_loop, _shape(runner)
        if saved is None or loop.iter == 0:
            return 0
        changed = {key: (saved.get(key), now[key]) for key in now}
        changed = {key: pair for key, pair in changed.items() if len({*pair}) > 1}
        if changed:
            what = ', '.join(f'{key}: {a} -> {b}' for key, (a, b) in changed.items())
            runner.logger.warning(
                f'The resumed training goes other ways than the first would have gone, '
                f'from the start of an epoch: it was changed ({what}).'
            )
            return 0
        if not _by_epoch(runner):
            return 0  # mmengine's loop by iteration does it
        return loop.iter - loop.epoch * now['batches_per_epoch']


def _by_epoch(runner: Any) -> bool:
    return isinstance(runner.train_loop, EpochBasedTrainLoop)


def _shape(runner: Any) -> dict[str, int]:
    """What must not change for steps to be the same."""
    return {
        'batches_per_epoch': len(runner.train_loop.dataloader),
        'processes': get_world_size(),
    }


def _run_later_iter(
    loop: EpochBasedTrainLoop, skipped: int, idx: int, data: Any
) -> None:
    type(loop).run_iter(loop, idx + skipped, data)
