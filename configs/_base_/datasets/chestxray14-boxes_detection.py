# The 984 boxes of ChestX-ray14 as `mmlung convert chestxray14` writes them. They all lie
# in the official test list: results on them are never those of the official split, and
# only the asked-for finding was boxed on each film.
_base_ = 'vindr_detection.py'
data_root = '{{$MMLUNG_DATA:data}}/chestxray14/'
findings = [
    'Atelectasis', 'Cardiomegaly', 'Effusion', 'Infiltration', 'Mass', 'Nodule',
    'Pneumonia', 'Pneumothorax'
]

_dataset = dict(
    converter='chestxray14',
    data_root=data_root,
    metainfo=dict(classes=findings))
train_dataloader = dict(dataset=dict(_dataset, ann_file='boxes_train.json'))
val_dataloader = dict(dataset=dict(_dataset, ann_file='boxes_val.json'))
test_dataloader = dict(dataset=dict(_dataset, ann_file='boxes_test.json'))
del _dataset
