"""TensorBoard as `pip install tensorboard` alone has it: without TensorFlow, though it be installed.
It starts in a tenth of the time."""

import sys
import types

# By this name TensorBoard is told to do without; it has code of its own for what it needs then.
sys.modules["tensorboard.compat.notf"] = types.ModuleType("tensorboard.compat.notf")

from tensorboard.main import run_main  # noqa: E402

if __name__ == "__main__":
    run_main()
