# The 14 labels of MIMIC-CXR-JPG as `mmlung convert mimic-cxr` writes them: official split,
# frontal films, uncertain labels by the converter's policy. Films are not square and are
# squeezed to img_size x img_size, as in most published results.
_base_ = 'chestxray14_classification.py'
data_root = '{{$MMLUNG_DATA:data}}/mimic-cxr/'
findings = [
    'No Finding', 'Enlarged Cardiomediastinum', 'Cardiomegaly', 'Lung Opacity',
    'Lung Lesion', 'Edema', 'Consolidation', 'Pneumonia', 'Atelectasis',
    'Pneumothorax', 'Pleural Effusion', 'Pleural Other', 'Fracture', 'Support Devices'
]

_dataset = dict(
    converter='mimic-cxr', data_root=data_root, metainfo=dict(classes=findings))
train_dataloader = dict(dataset=_dataset)
val_dataloader = dict(dataset=_dataset)
test_dataloader = dict(dataset=_dataset)
del _dataset
