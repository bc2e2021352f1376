# convnext_chestxray14_demo.py with class-specific residual attention: to the mean over
# the film, each finding adds a tenth of its score where it scores highest.
_base_ = 'convnext_chestxray14_demo.py'

# Zhu and Wu 2021, doi:10.1109/ICCV48922.2021.00025: one head, lambda 0.1.
model = dict(
    backbone=dict(gap_before_final_norm=False),  # a map, not its mean
    head=dict(type='CSRAClsHead', num_heads=1, lam=0.1))
