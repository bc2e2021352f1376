"""Films whose names, findings and boxes break careless readers and writers."""

import json

import numpy as np
from PIL import Image

FINDINGS = (
    'Nodule/Mass',
    'Ünusual, "odd" one',
    'no: yaml',
    'True',
    'NA',
    '1e5',
    "it's #7",
    'never met',
)
NAMES = (
    'with space.png',
    'a/7.png',
    'b/7.png',
    'ü/çé.png',
    'comma, "quoted".png',
    'x.y.z.png',
    'images/inner.png',
    'labels/train/1.png',
    "it's #1 %20=;.png",
    '日本.jpg',
    '1e10.png',
    'NA.png',
)
SIZES_HW = ((40, 30), (31, 57), (1, 1), (2500, 3000))


def boxes_of(i, height, width):
    """Boxes of a film: none, the whole image, one pixel in a corner, floats."""
    corner = [width - 1, height - 1, 1, 1]
    whole = [0, 0, width, height]
    floats = [width * 0.1, height / 3, width * 0.7, height / 7]
    tiny = [width / 2, 0, 1e-3, height * 2 / 3]
    return [[], [whole, corner], [[0, 0, 1, 1]], [floats, tiny], [floats] * 2][i % 5]


def write(folder):
    """Write images and ``boxes.json`` into a folder; gives the file."""
    images, annotations = [], []
    for i, name in enumerate(NAMES):
        height, width = SIZES_HW[i % len(SIZES_HW)]
        path = folder / 'films' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((height, width), np.uint8)).save(path)
        image = {'id': 7 * i, 'file_name': name, 'height': height, 'width': width}
        images.append(image)
        for box in boxes_of(i, height, width):
            annotations.append(
                {
                    'id': len(annotations),
                    'image_id': 7 * i,
                    'category_id': 10 * (len(annotations) % (len(FINDINGS) - 1)),
                    'bbox': box,
                }
            )
    categories = [{'id': 10 * i, 'name': name} for i, name in enumerate(FINDINGS)]
    content = {'images': images, 'annotations': annotations, 'categories': categories}
    path = folder / 'boxes.json'
    path.write_text(json.dumps(content), encoding='utf-8')
    return path


def boxes_by_film(converted):
    """(split, file name) -> sorted [(finding, x1, y1, x2, y2)], from COCO parts."""
    found = {}
    for split in ('train', 'val', 'test'):
        if f'{split}.json' not in converted.files():
            continue
        data = converted[split]
        names = {c['id']: c['name'] for c in data['categories']}
        own = {image['id']: [] for image in data['images']}
        for a in data['annotations']:
            x, y, w, h = a['bbox']
            own[a['image_id']].append((names[a['category_id']], x, y, x + w, y + h))
        for image in data['images']:
            name = image['file_name'].removeprefix(f'{split}/')
            found[split, name] = sorted(own[image['id']])
    return found
