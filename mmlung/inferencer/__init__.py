"""From films of any kind to what a trained model finds in them."""

from mmlung.inferencer.inferencer import Inferencer
from mmlung.inferencer.sources import FilmSource
from mmlung.inferencer.sources import films_of

__all__ = ['FilmSource', 'Inferencer', 'films_of']
