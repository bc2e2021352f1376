"""What a conversion wrote, opened when asked for."""

import json
import os
from pathlib import Path


def children_seconds() -> float:
    """Processor time of ended child processes: a busy machine hardly changes it."""
    times = os.times()
    return times.children_user + times.children_system


class Converted:
    """Files of a conversion, opened when asked for."""

    def __init__(self, out: Path):
        self.out = out
        self.report = self['conversion_report']

    def __getitem__(self, name):
        return json.loads((self.out / f'{name}.json').read_text())

    def files(self):
        return {path.name for path in self.out.iterdir()}

    def all_boxes(self, *names):
        """(image_id, finding, xyxy, readers) of all files, sorted."""
        found = []
        for name in names:
            data = self[name]
            image = {i['id']: i['image_id'] for i in data['images']}
            category = {c['id']: c['name'] for c in data['categories']}
            for a in data['annotations']:
                x, y, w, h = a['bbox']
                readers = tuple(a.get('readers', ()))
                found.append(
                    (
                        image[a['image_id']],
                        category[a['category_id']],
                        (x, y, x + w, y + h),
                        readers,
                    )
                )
        return sorted(found)

    def images(self, *names):
        return {i['image_id']: i for name in names for i in self[name]['images']}
