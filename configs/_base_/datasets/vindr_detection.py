# VinDr-CXR boxes as `mmlung convert vindr` writes them.
data_root = '{{$MMLUNG_DATA:data}}/vindr-cxr/'
images_root = None  # None: the folder that the JSON files record
img_size = 1024  # longest side in pixels
findings = [
    'Aortic enlargement', 'Atelectasis', 'Calcification', 'Cardiomegaly',
    'Consolidation', 'ILD', 'Infiltration', 'Lung Opacity', 'Nodule/Mass',
    'Other lesion', 'Pleural effusion', 'Pleural thickening', 'Pneumothorax',
    'Pulmonary fibrosis'
]

train_pipeline = [
    dict(type='mmlung.LoadChestImage'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='Resize', scale=(img_size, img_size), keep_ratio=True),
    # Mild, as the winners of VinBigData did; no flip: left and right are anatomy.
    dict(
        type='RandomAffine',
        max_rotate_degree=5,
        max_translate_ratio=0.05,
        scaling_ratio_range=(0.9, 1.1),
        max_shear_degree=0,
        border_val=(0, 0, 0)),
    dict(type='mmlung.RandomExposure', brightness=0.1, contrast=0.1),
    dict(type='mmlung.PackChestInputs')
]
# Boxes are read after the resize: they are compared in pixels of the original film.
test_pipeline = [
    dict(type='mmlung.LoadChestImage'),
    dict(type='Resize', scale=(img_size, img_size), keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='mmlung.PackChestInputs')
]

# --tta: three sizes, merged by NMS; the flip that never happens is asked for by the merge.
tta_model = dict(
    type='DetTTAModel',
    tta_cfg=dict(nms=dict(type='nms', iou_threshold=0.5), max_per_img=100))
tta_pipeline = [
    dict(type='mmlung.LoadChestImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='Resize', scale=(size, size), keep_ratio=True)
                for size in (int(0.8 * img_size), img_size, int(1.2 * img_size))
            ],
            [dict(type='RandomFlip', prob=0.0)],
            [dict(type='LoadAnnotations', with_bbox=True)],
            [dict(type='mmlung.PackChestInputs')],
        ])
]

_dataset = dict(
    type='mmlung.ChestDetectionDataset',
    converter='vindr',
    data_root=data_root,
    images_root=images_root,
    metainfo=dict(classes=findings))
train_dataloader = dict(
    batch_size=2,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    batch_sampler=dict(type='AspectRatioBatchSampler'),
    dataset=dict(_dataset, ann_file='train.json', pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1,
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

val_evaluator = [dict(type='mmlung.MeanAP'), dict(type='mmlung.MeanIoU')]
# Intervals cost seconds: worth it once, at the end.
test_evaluator = [
    dict(type='mmlung.MeanAP', bootstrap=1000),
    dict(type='mmlung.MeanIoU', bootstrap=1000),
    dict(type='mmlung.MaskIoU', bootstrap=1000),
    dict(type='mmlung.FROC', bootstrap=1000),
    dict(type='mmlung.BestIoU', bootstrap=1000)
]
