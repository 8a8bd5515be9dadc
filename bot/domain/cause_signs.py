"""By which lines of a log the common failures of jobs are known.

Every sign is a line that a tool writes when it gives up, from its beginning or behind a colon: such words also stand in
sources, in tests' names and in warnings that something got over, and then they say nothing.
"""

from __future__ import annotations

import re
from functools import cache

from bot.domain.cause_kinds import Kind

_NAME = r"(?P<thing>[A-Za-z0-9][\w.+\[\]-]{0,80}"
_WANTED = rf"{_NAME}(?:[<>=!~]=?=?[^\s(]{{1,60}})?)"
_PYTHON = r"(?P<thing>[<>=!~]=?[0-9][0-9.*<>=!~, ]{0,40})"
_IMAGE = r"(?P<thing>[\w./:@-]{1,200})"
_HOST = r"(?P<thing>[\w.-]{1,100}(?::\d{1,5})?)"
_ERROR = r"(?:\w+\.){0,6}(?:OSError|ImportError|RuntimeError|AssertionError): "
_SAID = (
    r"(?:|Not published: the image could not be built: (?:.{0,300}: )?|.{0,30}The (?:base )?image .{1,300}: "
    r"|.{0,300}Error response from daemon: (?:.{0,300}: )?"
    r"|ERROR: failed to solve: (?:.{0,600}: )?|(?:.{0,300} )?rpc error: .{0,600}: )"
)
"""Before words of the engine or of a registry: nothing, or who passes them on: the engine, BuildKit, ourselves."""

_RUN = (
    r"(?:The command .{0,2000}\breturned a non-zero code:|.{1,2000} did not complete successfully: exit code:"
    r"|(?:ERROR: failed to solve: )?executor failed running .{1,2000}: exit code:"
    r"|Not published: .{1,2000}(?:code:|exit code)|ERROR: Job failed: exit (?:code|status)) "
)
"""How the builders, the runner and our jobs begin to tell with which code a command ended."""

APT_REFUSES = r"(?:(?:Reading|Building) [a-z ]{1,30}\.\.\.(?: Done)?)?E?: "
"""Before what apt refuses: what it does is told without a line's end, and may stand in that line, or behind the E."""

_SIGNS: tuple[tuple[Kind, str], ...] = (
    # What pip, and uv, say last.
    (Kind.OTHER_PYTHON, rf"ERROR: Package '[^']*' requires a different Python: \S+ not in '{_PYTHON}'"),
    (Kind.NO_WHEEL, r"ERROR: (?P<thing>[\w.+-]{1,150}\.whl) is not a supported wheel on this platform\."),
    (Kind.NO_DISTRIBUTION, rf"ERROR: No matching distribution found for {_WANTED}"),
    (Kind.CONFLICT, r"ERROR: ResolutionImpossible: "),
    (Kind.CONFLICT, r"ERROR: Cannot install .{1,2000} because these package versions have conflict"),
    (Kind.HASH, r"ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE\."),
    (Kind.HASH, r"ERROR: Hashes are required in --require-hashes mode, but they are missing"),
    (Kind.BAD_REQUIREMENT, r"ERROR: Invalid requirement: '?(?P<thing>[^':(]{1,100})"),
    (
        Kind.NO_REQUIREMENTS_FILE,
        r"ERROR: Could not open requirements file: .{0,80}: '(?P<thing>[^']{1,150})'",
    ),
    (Kind.NOT_INSTALLABLE, r"ERROR: Directory '(?P<thing>[^']{1,150})' is not installable\."),
    (Kind.NOT_INSTALLABLE, r"ERROR: (?P<thing>\S{1,150}) is not a valid editable requirement\."),
    (Kind.NO_GIT, r"ERROR: Cannot find command 'git'"),
    (Kind.UNBUILT, rf"(?:ERROR: )?Failed building wheel for {_NAME})$"),
    (
        Kind.UNBUILT,
        r"(?:ERROR|error): (?:Failed to build|Could not build wheels for|metadata-generation-failed)",
    ),
    (Kind.UNBUILT, r"error: The build backend returned an error$"),
    (
        Kind.NO_DISTRIBUTION,
        rf"(?:cause: )?Because {_NAME}) was not found in the (?:package registry|provided package)",
    ),
    (
        Kind.NO_DISTRIBUTION,
        r"(?:cause: )?Because there is no version of (?P<thing>[A-Za-z0-9]\S{0,140}) and you",
    ),
    (Kind.OTHER_PYTHON, rf"(?:cause: )?Because \S{{1,150}} requires Python {_PYTHON} and"),
    (Kind.NO_WHEEL, r"(?:cause: )?Because (?P<thing>\S{1,150}) has no wheels with a matching "),
    (Kind.CONFLICT, r"(?:cause: )?Because .{1,2000}, we can conclude that .{1,2000} are incompatible\."),
    (Kind.INDEX_DENIED, r"ERROR: HTTP error 40[13] while getting "),
    (
        Kind.UNREACHABLE,
        rf"ERROR: Could not install packages due to an OSError: HTTPS?ConnectionPool\(host='{_HOST}', port=",
    ),
    # What conda and mamba say.
    (Kind.NO_DISTRIBUTION, r"(?:PackagesNotFoundError|ResolvePackageNotFound): "),
    (Kind.CONFLICT, r"(?:LibMambaUnsatisfiableError|UnsatisfiableError): "),
    (Kind.NO_INDEX, r"CondaHTTPError: HTTP 000 CONNECTION FAILED"),
    # What compilers say.
    (
        Kind.NO_COMPILER,
        r"error: command '(?:\S{0,60}/)?(?:[\w.]{1,20}-){0,4}(?:gcc|g\+\+|cc|c\+\+|clang|cl\.exe|cmake|make|rustc)'"
        r" failed: No such file",
    ),
    (
        Kind.NO_COMPILER,
        r"(?:\S{1,30}: ){1,2}(?:\d+: |line \d+: )?(?:gcc|g\+\+|cc|c\+\+|clang|cmake|make|cargo|rustc): "
        r"(?:(?:command )?not found|No such file or directory)$",
    ),
    (Kind.NO_COMPILER, r"error: (?:can't find Rust compiler|Microsoft Visual C\+\+ )"),
    (
        Kind.NO_HEADER,
        r"\S{1,200}: fatal error: (?P<thing>[\w./+-]{1,100}\.(?:h|hpp|hh)): No such file or directory",
    ),
    # What apt says.
    (Kind.NO_DEBIAN_PACKAGE, rf"{APT_REFUSES}Unable to locate package (?P<thing>\S{{1,100}})"),
    (Kind.NO_DEBIAN_PACKAGE, rf"{APT_REFUSES}Version '[^']*' for '(?P<thing>[^']{{1,100}})' was not found"),
    (
        Kind.NO_DEBIAN_PACKAGE,
        rf"{APT_REFUSES}Package '(?P<thing>[^']{{1,100}})' has no installation candidate",
    ),
    (Kind.OLD_LISTS, rf"{APT_REFUSES}Failed to fetch \S{{1,300}}\s{{1,3}}404 "),
    (
        Kind.NO_DEBIAN_ARCHIVE,
        rf"{APT_REFUSES}Failed to fetch |(?:E|Err): .{{0,200}}Temporary failure resolving ",
    ),
    # What the Docker engine, BuildKit and registries say.
    (Kind.RATE_LIMIT, rf"{_SAID}toomanyrequests: |{_SAID}429 Too Many Requests"),
    (Kind.NO_IMAGE, rf"{_SAID}manifest for {_IMAGE} not found"),
    (Kind.NO_IMAGE, rf"ERROR: Job failed.{{0,600}} image pull failed: .{{0,600}}: {_IMAGE}: not found\b"),
    (Kind.NO_IMAGE, rf"{_SAID}manifest unknown(?:: |$| \()"),
    (Kind.NO_IMAGE, rf"(?:ERROR: failed to solve|rpc error): .{{0,600}}: {_IMAGE}: not found$"),
    (Kind.NO_IMAGE, rf".{{0,600}}failed to resolve source metadata for {_IMAGE}: .{{0,300}}: not found$"),
    (
        Kind.DENIED,
        rf"{_SAID}(?:unauthorized: |denied: |pull access denied for \S{{1,200}},|no basic auth credentials)",
    ),
    (Kind.DENIED, r".{0,400}Error response from daemon: (?:.{0,300}: )?(?:unauthorized|denied)(?:$| \()"),
    (Kind.DENIED, rf"{_SAID}login attempt to \S{{1,200}} failed with status: 40[13]\b"),
    (Kind.DENIED, r".{0,600} status (?:code|from) .{0,200}: (?:401 Unauthorized|403 Forbidden)$"),
    (Kind.DENIED, r".{0,30}\bThe registry \S{1,100} refuses .{1,300} \(HTTP 40[13]\)"),
    (Kind.TOO_LARGE, r".{0,600}\b413 Request Entity Too Large\b"),
    (Kind.CERTIFICATE, rf"{_SAID}x509: "),
    (Kind.NO_ENGINE, rf"{_SAID}Cannot connect to the Docker daemon at "),
    (Kind.NO_ENGINE, r".{0,30}\bNo Docker engine answers here "),
    (
        Kind.UNREACHABLE,
        rf'{_SAID}(?:Get|Head|Post|Put|Patch) "https?://{_HOST}/.{{0,300}}: (?:dial tcp|net/http|context deadline|EOF)',
    ),
    (Kind.UNREACHABLE, rf"{_SAID}dial tcp {_HOST}: connect: "),
    (
        Kind.NOT_COPIED,
        r"(?:Not published: .{0,300}: )?(?:COPY|ADD) failed: .{0,200}stat (?P<thing>\S{1,150}): file does not exist",
    ),
    (
        Kind.NOT_COPIED,
        r'.{0,300}failed to (?:compute cache key|calculate checksum).{0,200}: "/?(?P<thing>[^"]{1,150})":? not found',
    ),
    (Kind.DOCKERFILE, rf"{_SAID}dockerfile parse error "),
    (Kind.NO_GPU, r".{0,200}could not select device driver \S{1,20} with capabilities: \[\[gpu"),
    # What ends programs.
    (Kind.DISK, r".{0,600}(?:: |\[Errno 28\] |OSError: )[Nn]o space left on device"),
    (Kind.MEMORY, r"(?:\w+\.){0,6}_?(?:Array)?MemoryError(?:$|: )"),
    (Kind.MEMORY, r"Killed$|\S{1,200}: line \d+: +\d+ Killed "),
    (Kind.MEMORY, rf"{_RUN}137(?:$|\. )|ERROR: Job failed.{{0,300}}\bOOMKilled\b"),
    (Kind.MEMORY, r"(?:\S{1,200}: |OSError: \[Errno 12\] )Cannot allocate memory$"),
    (Kind.MEMORY, r".{0,300}, it was ended by SIGKILL"),
    (Kind.GPU_MEMORY, r"(?:\w+\.){0,6}(?:OutOfMemoryError|RuntimeError): CUDA out of memory\."),
    (Kind.OTHER_MACHINE, r".{1,300}: (?:cannot execute binary file: )?[Ee]xec format error$"),
    (Kind.SHARED_MEMORY, r".{0,200}DataLoader worker \(pid.{0,40}\) is killed by signal: Bus error"),
    (Kind.NO_PROGRAM, rf"{_RUN}127(?:$|\. )"),
    (
        Kind.NO_PROGRAM,
        r'.{0,600}exec: "(?P<thing>[\w.+/-]{1,80})": (?:executable file not found in \$PATH'
        r"|stat .{1,100}: no such file)",
    ),
    # What Python says last.
    (
        Kind.OLD_SYSTEM,
        rf"(?:{_ERROR}|\S{{1,99}}: )?\S{{1,99}}: version `(?P<thing>(?:GLIBC(?:XX)?|CXXABI)_[\d.]{{1,12}})' not found",
    ),
    (
        Kind.UNREACHABLE,
        r"(?:\w+\.){0,6}(?:ConnectionError|(?:Connect|Read)Timeout(?:Error)?|MaxRetryError): HTTPS?ConnectionPool\("
        rf"host='{_HOST}', port=",
    ),
    (
        Kind.CERTIFICATE,
        r"(?:\w+\.){0,6}(?:SSLError|SSLCertVerificationError|URLError): .{0,600}CERTIFICATE_VERIFY",
    ),
    (Kind.UNREACHABLE, r"(?:\w+\.){0,6}URLError: <urlopen error \[Errno "),
    (Kind.LFS_POINTER, r"(?:_pickle|pickle)\.UnpicklingError: invalid load key, 'v'\.$"),
    (
        Kind.OTHER_VERSION,
        r"AttributeError: module '(?P<thing>numpy|pandas|scipy|sklearn|torch|tensorflow|keras|jax)[\w.]{0,80}' has no"
        r" attribute '",
    ),
    (
        Kind.CUDA,
        rf"{_ERROR}(?P<thing>lib(?:cu[a-z]{{2,12}}|nvrtc|nccl)\.so[\d.]{{0,15}}): cannot open shared object file",
    ),
    (Kind.CUDA, r"(?:\w+Error: |AssertionError:)?\s?The NVIDIA driver on your system is too old"),
    (Kind.CUDA, rf"{_ERROR}CUDA error: (?:no kernel image is available|the provided PTX was compiled)"),
    (Kind.CUDA, rf"(?:{_ERROR})?The detected CUDA version \(\S{{1,20}}\) mismatches the version"),
    (Kind.NO_GPU, rf"{_ERROR}Found no NVIDIA driver on your system\."),
    (Kind.NO_GPU, r"AssertionError: Torch not compiled with CUDA enabled$"),
    (
        Kind.NO_LIBRARY,
        rf"{_ERROR}(?P<thing>lib[\w.+-]{{1,80}}): cannot open shared object file: No such file or directory",
    ),
    (
        Kind.NO_MODULE,
        r"(?:|Not published: .{0,400}[.:] )ModuleNotFoundError: No module named '(?P<thing>[\w.]{1,80})'",
    ),
    (
        Kind.OTHER_VERSION,
        r"(?:|Not published: .{0,400}[.:] )ImportError: cannot import name '\w{1,80}' from '(?P<thing>[\w.]{1,80})'"
        r" \(\S{0,300}/(?:site|dist)-packages/",
    ),
    (Kind.OTHER_BUILD, r"(?:\w+Error: )\S{1,300}\.so\S{0,60}: undefined symbol: "),
    (Kind.NUMPY, r"A module that was compiled using NumPy 1\.x cannot be run in"),
    (Kind.NUMPY, r"ValueError: numpy\.dtype size changed, may indicate binary incompatibility"),
    # What our own test of an image says.
    (Kind.SAMPLE, r"Not published: the sample of \.mlreef\.yaml failed"),
    (Kind.TESTS, r"Not published: (?:the sample .{1,300} )?[Tt]he repository's tests in .{1,150} failed"),
    # What git says.
    (Kind.LFS, r"fatal: (?P<thing>.{1,150}): smudge filter lfs failed$"),
    (Kind.LFS, r"git: 'lfs' is not a git command"),
    (Kind.LFS, r"(?:batch response: )This repository is over its data quota"),
    (
        Kind.CLONE_REFUSED,
        r"(?:remote|fatal): (?:You are not allowed to download code from this project|HTTP Basic: Access denied"
        r"|Authentication failed for |could not read Username for )",
    ),
    (Kind.CLONE_REFUSED, r"fatal: unable to access '\S{1,300}': The requested URL returned error: 40[13]"),
    (Kind.CLONE_REFUSED, r"fatal: repository '\S{1,300}' not found$"),
    (
        Kind.COMMIT_GONE,
        r"fatal: (?:reference is not a tree:|remote error: upload-pack: not our ref|couldn't find remote ref)"
        r" (?P<thing>[\w./-]{1,100})",
    ),
    (
        Kind.CERTIFICATE,
        r"fatal: unable to access '\S{1,300}': (?:server certificate|SSL certificate problem)",
    ),
    (
        Kind.UNREACHABLE,
        rf"fatal: unable to access 'https?://(?:[^\s@/]{{1,200}}@)?{_HOST}/\S{{0,300}}': "
        r"(?:Could not resolve|Failed to connect)",
    ),
    # What the runner says.
    (Kind.TIME_OUT, r"ERROR: Job failed: execution took longer than "),
    (Kind.RUNNER, r"ERROR: Job failed \(system failure\): "),
)

Signs = tuple[tuple[Kind, re.Pattern[str]], ...]


@cache
def signs() -> Signs:
    """The signs, the more exact before the others; compiled when they are first wanted, which most jobs never do."""
    return tuple((kind, re.compile(pattern)) for kind, pattern in _SIGNS)
