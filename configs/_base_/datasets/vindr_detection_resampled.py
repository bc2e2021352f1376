# VinDr-CXR boxes, of which an epoch shows every abnormal film and a few healthy ones.
_base_ = 'vindr_detection.py'

train_dataloader = dict(
    sampler=dict(
        _delete_=True,
        type='mmlung.HealthyRatioSampler',
        # Seven films of ten are healthy and teach a detector little after the first; none
        # at all, and it marks healthy films. One for four abnormal ones, as the winners of
        # VinBigData did, others each epoch. None shows them all.
        healthy_per_abnormal=0.25,
        # Class-balanced sampling as an option: findings on less than this share of the
        # abnormal films are shown more often, by the root of what they lack (0.1: a
        # finding on 1 % comes 3 times). It costs time and repeats the same few films, so
        # it is off; switch it on where rare findings count.
        oversample_thr=None))
