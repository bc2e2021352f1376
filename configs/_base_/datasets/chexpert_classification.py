# The 14 labels of CheXpert or CheXpert-small as `mmlung convert chexpert` writes them:
# the same names as MIMIC-CXR's, uncertain labels by the converter's policy.
_base_ = 'mimic_classification.py'
data_root = '{{$MMLUNG_DATA:data}}/chexpert/'

_dataset = dict(converter='chexpert', data_root=data_root)
train_dataloader = dict(dataset=_dataset)
val_dataloader = dict(dataset=_dataset)
test_dataloader = dict(dataset=_dataset)
del _dataset
