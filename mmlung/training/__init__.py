"""What mmengine's hooks, optimizers and wrappers cannot say of a training."""
