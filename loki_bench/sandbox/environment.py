"""The variables that a plugin's process starts with: an allow-list, and folders of its own."""

import os
import site
from pathlib import Path

from loki_bench.threads import ONE_THREAD

__all__ = ["clean_environment"]

KEPT = (
    *("PATH", "LANG", "LANGUAGE", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
    *("PYTHONHASHSEED", "PYTHONUTF8", "PYTHONIOENCODING", "PYTHONWARNINGS"),
)
KEPT_PREFIXES = (
    *("LC_", "OMP_", "KMP_", "GOMP_", "MKL_", "OPENBLAS_", "BLIS_", "VECLIB_", "NUMBA_"),
    *("NUMEXPR_", "ATEN_", "ONEDNN_", "DNNL_"),
)
"""How libraries compute: what may change the last bits of a result must not change here."""


def clean_environment(own: str, *, machine_code: str) -> dict[str, str]:
    """Variables that name no folder, account or secret of the host's user.

    Parameters
    ----------
    own : str
        The process's folder: its home, and where it puts what is temporary.
    machine_code : str
        Where numba keeps what it compiled.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in KEPT or name.startswith(KEPT_PREFIXES)
    }
    if site.ENABLE_USER_SITE and Path(site.getuserbase()).is_dir():
        kept["PYTHONUSERBASE"] = site.getuserbase()  # otherwise looked for in the new home
    return {
        **kept,
        **ONE_THREAD,
        "HOME": own,
        "LOGNAME": "loki-bench",
        "USER": "loki-bench",
        "TMPDIR": own,
        "XDG_CACHE_HOME": f"{own}/.cache",
        "NUMBA_CACHE_DIR": machine_code,
        # processes of joblib would need memory that is shared by name; it looks once, and warns
        "JOBLIB_MULTIPROCESSING": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
