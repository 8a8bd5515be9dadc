"""What brings a thing that is missing: the packages that data scientists need most often, by what they lack."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.cause_kinds import Kind
from parser.requirements.names import DISTRIBUTIONS

LIBRARIES: Mapping[str, str] = {
    "libGL": "libgl1",
    "libGLU": "libglu1-mesa",
    "libEGL": "libegl1",
    "libOpenGL": "libopengl0",
    "libOSMesa": "libosmesa6",
    "libgthread-2.0": "libglib2.0-0",
    "libglib-2.0": "libglib2.0-0",
    "libgobject-2.0": "libglib2.0-0",
    "libSM": "libsm6",
    "libICE": "libice6",
    "libX11": "libx11-6",
    "libXext": "libxext6",
    "libXrender": "libxrender1",
    "libXi": "libxi6",
    "libxcb": "libxcb1",
    "libfontconfig": "libfontconfig1",
    "libfreetype": "libfreetype6",
    "libcairo": "libcairo2",
    "libpango-1.0": "libpango-1.0-0",
    "libgomp": "libgomp1",
    "libgfortran": "libgfortran5",
    "libquadmath": "libquadmath0",
    "libatomic": "libatomic1",
    "libopenblas": "libopenblas0",
    "libsndfile": "libsndfile1",
    "libportaudio": "libportaudio2",
    "libsox": "libsox3",
    "libmagic": "libmagic1",
    "libpq": "libpq5",
    "libodbc": "libodbc2",
    "libxml2": "libxml2",
    "libxslt": "libxslt1.1",
    "libgeos_c": "libgeos-c1v5",
    "libspatialindex_c": "libspatialindex-c6",
    "libnuma": "libnuma1",
    "libusb-1.0": "libusb-1.0-0",
    "libtbb": "libtbb12",
    "libzbar": "libzbar0",
    "libgvc": "libgraphviz-dev",
}
"""Debian's packages, by the libraries' names before `.so`."""

HEADERS: Mapping[str, str] = {
    "Python.h": "python3-dev",
    "mpi.h": "libopenmpi-dev",
    "libpq-fe.h": "libpq-dev",
    "pg_config.h": "libpq-dev",
    "mysql.h": "default-libmysqlclient-dev",
    "sql.h": "unixodbc-dev",
    "portaudio.h": "portaudio19-dev",
    "sndfile.h": "libsndfile1-dev",
    "ffi.h": "libffi-dev",
    "openssl/ssl.h": "libssl-dev",
    "openssl/opensslv.h": "libssl-dev",
    "libxml/xmlversion.h": "libxml2-dev",
    "libxml/xpath.h": "libxml2-dev",
    "zlib.h": "zlib1g-dev",
    "bzlib.h": "libbz2-dev",
    "lzma.h": "liblzma-dev",
    "snappy-c.h": "libsnappy-dev",
    "jpeglib.h": "libjpeg-dev",
    "curl/curl.h": "libcurl4-openssl-dev",
    "hdf5.h": "libhdf5-dev",
    "netcdf.h": "libnetcdf-dev",
    "fftw3.h": "libfftw3-dev",
    "cblas.h": "libopenblas-dev",
    "gmp.h": "libgmp-dev",
    "mpfr.h": "libmpfr-dev",
    "geos_c.h": "libgeos-dev",
    "gdal.h": "libgdal-dev",
    "proj.h": "libproj-dev",
    "graphviz/cgraph.h": "libgraphviz-dev",
    "yaml.h": "libyaml-dev",
    "sqlite3.h": "libsqlite3-dev",
    "krb5.h": "libkrb5-dev",
    "lber.h": "libldap2-dev",
    "numa.h": "libnuma-dev",
    "GL/gl.h": "libgl-dev",
}
"""Debian's packages for those who compile, by the files that compilers miss."""

_OF_PICTURES = frozenset({"libGL", "libgthread-2.0", "libSM", "libXext", "libXrender"})
"""What OpenCV wants for its windows, which nobody opens in a job."""

_PREFERRED = {"cv2": "opencv-python-headless", "distutils": "setuptools"}


def help_for(kind: Kind, thing: str) -> str:
    """What to do about that very thing, in a sentence; empty where nobody knows better than the words for its kind."""
    if kind is Kind.NO_LIBRARY:
        name = thing.partition(".so")[0]
        package = LIBRARIES.get(name, "")
        instead = ", or require `opencv-python-headless` in place of `opencv-python`" * (name in _OF_PICTURES)
        return f"Add `{package}` under `apt` in .mlreef.yaml{instead}." if package else ""
    if kind is Kind.NO_HEADER and thing in HEADERS:
        return (
            f"Choose a version that comes as a wheel, or add `{HEADERS[thing]}` under `apt` in .mlreef.yaml."
        )
    if kind is Kind.NO_MODULE:
        top = thing.partition(".")[0]
        package = _PREFERRED.get(top, "") or next(iter(DISTRIBUTIONS.get(top, ())), "")
        return f"Add `{package}` to the requirements: it brings `{top}`." if package else ""
    return ""
