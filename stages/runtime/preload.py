"""What trainings import at their start, in seconds: the runner imports it once, see `dvc_parallel.hooks`."""

from stages.runtime import keras_import

keras_import.load()

import h5py  # noqa: E402, F401
import matplotlib.figure  # noqa: E402, F401
import pandas  # noqa: E402, F401
import scipy.special  # noqa: E402, F401
