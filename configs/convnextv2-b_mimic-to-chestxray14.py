# Second of two stages: convnextv2-b_chestxray14_512px.py from a backbone that has seen
# MIMIC-CXR. Pretraining on radiographs gave others +1.1 to +2 points of mean AUC; aimed
# beyond 0.835 (EVA-X-B). First stage, then this one:
#   mmlung train configs/convnextv2-b_mimic.py
#   mmlung train configs/convnextv2-b_mimic-to-chestxray14.py
# The head starts fresh, since its findings are others.
# Cost: that of convnextv2-b_chestxray14_512px.py.
_base_ = 'convnextv2-b_chestxray14_512px.py'

# The best of the first stage, its averaged weights; the hospitals are different ones.
init_checkpoint = 'work_dirs/convnextv2-b_mimic/best.pth'
