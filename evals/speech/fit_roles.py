"""Fits the weights of services/transcriber/roles.py: `python -m evals.speech.fit_roles PATH_OF_ANNOMI`."""

import sys
from pathlib import Path

from evals.speech.roles import fit, read_sessions

if __name__ == "__main__":
    for name, weight in fit(read_sessions(Path(sys.argv[1]))).items():
        print(f'    "{name}": {weight},')
