"""Packaging of mmlung; configs, tools and data_converters travel under mmlung/.mim."""

import re
import shutil
from pathlib import Path

from setuptools import find_packages
from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
TRAVELLERS = ('configs', 'tools', 'data_converters')
HIGHDICOM = 'highdicom>=0.27'  # DICOM structured reports: MIT
VERSION = re.search(
    r"__version__ = '([^']+)'", (HERE / 'mmlung/__init__.py').read_text('utf-8')
).group(1)


class BuildWithTravellers(build_py):
    """Copy configs, tools and data_converters into the wheel, as OpenMMLab does."""

    def run(self):
        super().run()
        if self.editable_mode:  # the checkout itself is used
            return
        target = Path(self.build_lib) / 'mmlung' / '.mim'
        shutil.rmtree(target, ignore_errors=True)  # of an earlier build in this folder
        for name in TRAVELLERS:
            shutil.copytree(
                HERE / name,
                target / name,
                ignore=shutil.ignore_patterns('__pycache__', '*.pyc'),
            )


setup(
    name='mmlung',
    version=VERSION,
    description='Chest radiographs in MMDetection and MMPretrain: classify, localise, '
    'and report numbers that hold. Research software, not a medical device.',
    long_description=(HERE / 'README.md').read_text('utf-8'),
    long_description_content_type='text/markdown',
    license_expression='Apache-2.0',
    license_files=['LICENSE'],
    packages=find_packages(include=['mmlung', 'mmlung.*']),
    cmdclass={'build_py': BuildWithTravellers},
    include_package_data=False,
    python_requires='>=3.11,<3.14',
    install_requires=[
        # The maintained continuation of OpenMMLab: same import names, no compiler.
        'onedl-mmengine>=0.10.12,<0.11',
        'onedl-mmcv>=2.3.6,<2.4',
        'onedl-mmdetection>=3.5.1,<3.6',
        'onedl-mmpretrain>=1.3.6,<1.4',
        'torch>=2.6',
        'torchvision>=0.21',
        'numpy>=1.26',
        'scipy>=1.11',
        'pandas>=2.2',
        'pycocotools>=2.0.8',
        'grad-cam>=1.5.4',
        'pydicom>=3.0.1',
        'pylibjpeg>=2.0.1',
        'pylibjpeg-openjpeg>=2.4',  # JPEG 2000, as VinDr-CXR uses it
        'python-gdcm>=3.2.1',  # JPEG lossless, of 12 bits, JPEG-LS: Apache-2.0 and BSD
        'markupsafe>=2.1',
        'matplotlib>=3.8',
        'pillow>=10.3',
        'kornia-rs>=0.2,<0.3',  # decodes PNG films in 40 % of the time: Apache-2.0
        'pyyaml>=6.0',
        'joblib>=1.4',
        'tqdm>=4.66',
    ],
    extras_require={
        'sr': [HIGHDICOM],
        'test': [
            HIGHDICOM,
            'pytest>=8.3',
            'hypothesis>=6.100',
            'pyjpegls>=1.4',  # reads JPEG-LS, as a second opinion
            'labelformat>=0.1.17',  # reads YOLO, as a second opinion
            'scikit-learn>=1.5',
            'statsmodels>=0.14',  # Holm's correction, as a second opinion
            'ensemble-boxes>=1.0.9',
            'faster-coco-eval>=1.6',  # beside our AP in benchmarks/metrics.py
            'torchxrayvision>=1.4',  # real annotation files, read in place
        ],
        'dev': ['ruff>=0.9', 'mypy>=1.14', 'build>=1.2', 'pandas-stubs>=2.2'],
    },
    entry_points={'console_scripts': ['mmlung = mmlung.cli:main']},
    classifiers=[
        'Development Status :: 3 - Alpha',
        'Intended Audience :: Science/Research',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Programming Language :: Python :: 3.13',
        'Topic :: Scientific/Engineering :: Medical Science Apps.',
    ],
)
