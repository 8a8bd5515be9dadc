import os

from absl import flags

flags.DEFINE_string("elsewhere", "here", "Defined by an imported module")
flags.DEFINE_string("home", os.path.expanduser("~"), "Not known")
