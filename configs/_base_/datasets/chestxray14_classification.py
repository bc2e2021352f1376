# ChestX-ray14 labels as `mmlung convert chestxray14` writes them.
data_root = '{{$MMLUNG_DATA:data}}/chestxray14/'
images_root = None  # None: the folder that the JSON files record
img_size = 224  # pixels, square: ChestX-ray14's films are
findings = [
    'Atelectasis', 'Cardiomegaly', 'Effusion', 'Infiltration', 'Mass', 'Nodule',
    'Pneumonia', 'Pneumothorax', 'Consolidation', 'Edema', 'Emphysema', 'Fibrosis',
    'Pleural_Thickening', 'Hernia'
]

# What predictions.json keeps of a film: the release's pseudonyms and the facts that
# subgroups are made of; never anything of a DICOM header.
meta_keys = ('sample_idx', 'img_path', 'file_name', 'patient_id', 'study_id', 'view',
             'sex', 'age', 'ori_shape', 'img_shape', 'scale_factor')
train_pipeline = [
    dict(type='mmlung.LoadChestImage'),
    # Mild: up to a fifth of the area is cut, the film is turned by 5 degrees. No flip:
    # left and right are anatomy.
    dict(
        type='RandomResizedCrop',
        scale=img_size,
        crop_ratio_range=(0.8, 1.0),
        aspect_ratio_range=(0.9, 1.1)),
    dict(type='Rotate', angle=5.0, prob=0.5, random_negative_prob=0.5),
    dict(type='mmlung.RandomExposure', brightness=0.1, contrast=0.1),
    dict(type='PackInputs', meta_keys=meta_keys)
]
test_pipeline = [
    dict(type='mmlung.LoadChestImage'),
    dict(type='Resize', scale=(img_size, img_size)),
    dict(type='PackInputs', meta_keys=meta_keys)
]

# --tta: mean score of three sizes.
tta_model = dict(type='AverageClsScoreTTA')
tta_pipeline = [
    dict(type='mmlung.LoadChestImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='Resize', scale=(size, size))
                for size in (int(0.875 * img_size), img_size, int(1.125 * img_size))
            ],
            [dict(type='PackInputs', meta_keys=meta_keys)],
        ])
]

_dataset = dict(
    type='mmlung.ChestClassificationDataset',
    converter='chestxray14',
    data_root=data_root,
    images_root=images_root,
    metainfo=dict(classes=findings))
train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    # Rare findings more often: dict(_delete_=True, type='mmlung.ClassBalancedSampler',
    # oversample_thr=0.1); films of findings below a tenth are then repeated.
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(_dataset, ann_file='train.json', pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        _dataset, ann_file='val.json', test_mode=True, pipeline=test_pipeline))
test_dataloader = dict(
    val_dataloader,
    dataset=dict(val_dataloader['dataset'], ann_file='test.json'))

del _dataset

val_evaluator = dict(type='mmlung.MeanAUC')
# Intervals cost seconds: worth it once, at the end.
test_evaluator = dict(type='mmlung.MeanAUC', bootstrap=1000)
