# convnext_chestxray14_demo.py with the asymmetric loss: the many easy negatives of a
# multi-label set count next to nothing, and what scores below 0.05 counts nothing.
_base_ = 'convnext_chestxray14_demo.py'

# Ridnik et al. 2021, doi:10.1109/ICCV48922.2021.00015, with the paper's own settings.
model = dict(
    head=dict(
        loss=dict(
            loss=dict(
                _delete_=True,
                type='AsymmetricLoss',
                gamma_pos=0.0,
                gamma_neg=4.0,
                clip=0.05))))
