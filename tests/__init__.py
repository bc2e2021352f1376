"""A package: workers must find it before the `tests` that model-index installs."""
