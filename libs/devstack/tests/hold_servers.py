"""A program for tests: runs the servers over a folder until it is killed. `python -m ... FOLDER`."""

import sys
import time
from pathlib import Path

from libs.devstack.servers import servers
from libs.devstack.servers.folder import Folder

HOLD_S = 120

if __name__ == "__main__":
    folder = Folder(Path(sys.argv[1]))
    with folder.locked(), servers.running(folder) as up:
        sys.stdout.write(f"{up.addresses.admin_url}\n")
        sys.stdout.flush()
        time.sleep(HOLD_S)
