"""What runs a control file of mlopen in its module's image: a command, and a small stand-in for `mlopenapp`.

The folder is copied into the image as it is. Python 3.8 or newer, and nothing but its standard library.
"""
