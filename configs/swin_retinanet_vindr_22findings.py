# swin_retinanet_vindr.py on the 22 findings that the PhysioNet release draws.
_base_ = 'swin_retinanet_vindr.py'

findings = [
    'Aortic enlargement', 'Atelectasis', 'Calcification', 'Cardiomegaly',
    'Clavicle fracture', 'Consolidation', 'Edema', 'Emphysema', 'Enlarged PA', 'ILD',
    'Infiltration', 'Lung Opacity', 'Lung cavity', 'Lung cyst', 'Mediastinal shift',
    'Nodule/Mass', 'Pleural effusion', 'Pleural thickening', 'Pneumothorax',
    'Pulmonary fibrosis', 'Rib fracture', 'Other lesion'
]
# Kaggle's score is of its 14 findings alone.
test_evaluator = [
    metric for metric in _base_.test_evaluator if metric.type != 'mmlung.KaggleAP'
]
