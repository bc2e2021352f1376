# The small detector of swin_vindr_demo.py on the 8 findings of ChestX-ray14's boxes.
_base_ = 'swin_vindr_demo.py'

data_root = '{{$MMLUNG_DATA:data}}/chestxray14/'
findings = [
    'Atelectasis', 'Cardiomegaly', 'Effusion', 'Infiltration', 'Mass', 'Nodule',
    'Pneumonia', 'Pneumothorax'
]
max_epochs = 10

_dataset = dict(converter='chestxray14')
train_dataloader = dict(dataset=dict(_dataset, ann_file='boxes_train.json'))
val_dataloader = dict(dataset=dict(_dataset, ann_file='boxes_val.json'))
test_dataloader = dict(dataset=dict(_dataset, ann_file='boxes_test.json'))
del _dataset
