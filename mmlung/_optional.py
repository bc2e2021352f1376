"""Optional packages: import them, or say which extra of mmlung brings them."""

import importlib
from types import ModuleType


def require(module: str, extra: str) -> ModuleType:
    """Import an optional package where it is needed.

    Args:
        module: dotted name of the module, such as ``highdicom`` or ``highdicom.sr``.
        extra: the extra of mmlung that installs it.

    Returns:
        The module.

    Raises:
        ImportError: the package is absent, or present and broken; the message has
            the command that installs it, or the package's own error.
    """
    package = module.partition('.')[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name not in (package, module):
            raise ImportError(
                f'{package} is installed but cannot be imported: {error}. '
                f'Repair it with: pip install --upgrade "mmlung[{extra}]"',
                name=module,
            ) from error
        raise ImportError(
            f'this needs the package {package}, which is not installed. '
            f'Install it with: pip install "mmlung[{extra}]"',
            name=module,
        ) from error
