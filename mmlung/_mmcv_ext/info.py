"""What mmcv's environment report says about a build without a compiler."""

import torchvision


def get_compiler_version() -> str:
    """Name of the compiler: none was used."""
    return f'none (ops served by mmlung over torchvision {torchvision.__version__})'


def get_compiling_cuda_version() -> str:
    """CUDA version of the build, in the words of a compiled module without CUDA."""
    return 'not available'
