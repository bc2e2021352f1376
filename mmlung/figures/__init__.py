"""Pictures of results: films, contact sheets, curves of trainings and of tests."""

from mmlung.figures.curves import draw_curves
from mmlung.figures.curves import draw_froc
from mmlung.figures.films import PREDICTION_COLOUR
from mmlung.figures.films import SCORE_THR
from mmlung.figures.films import TRUTH_COLOUR
from mmlung.figures.films import ScoreThr
from mmlung.figures.films import draw_box
from mmlung.figures.films import draw_contact_sheet
from mmlung.figures.films import draw_result
from mmlung.figures.films import draw_results
from mmlung.figures.roc import draw_reliability
from mmlung.figures.roc import draw_roc

__all__ = [
    'PREDICTION_COLOUR',
    'SCORE_THR',
    'TRUTH_COLOUR',
    'ScoreThr',
    'draw_box',
    'draw_contact_sheet',
    'draw_curves',
    'draw_froc',
    'draw_reliability',
    'draw_result',
    'draw_results',
    'draw_roc',
]
